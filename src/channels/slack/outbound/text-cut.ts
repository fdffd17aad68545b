import { childrenOf, extentOf, markdownTree, type MarkdownNode } from '../../../lib/markdown-tree.ts';
import type { Allowance } from '../../../lib/markdown-work.ts';
import { wholeCharacters } from './plain-text.ts';

/** What a line must not begin with by accident: it would be a mark, and gone. */
const MARK = /^(?:[-+*>#|=]|~~~|```|\d+[.)])/;

/**
 * Where to cut running text that is longer than `room`: after a line, else after a space, in a place where
 * nothing is torn, else at most emphasis, else wherever it must be. Without an allowance nothing is whole.
 */
export function cutText(text: string, room: number, allowance: Allowance | undefined): number {
  const source = text.slice(0, room + 1);
  for (const isWhole of [...wholePlaces(text.slice(0, room + 200), allowance), () => true]) {
    for (const separator of ['\n', ' ']) {
      // A few places are looked at, not all: text may consist of nothing else.
      let end = source.length - 1;
      for (let tries = 0; tries < 50; tries += 1) {
        const found = end <= 0 ? -1 : source.lastIndexOf(separator, end - 1);
        const at = found + 1;
        if (found < 0 || at < room / 2) break;
        end = found;
        if (isWhole(at) && !beginsWithMark(text.slice(at))) return at;
      }
    }
  }
  const space = source.lastIndexOf(' ', source.length - 2) + 1;
  return Math.max(1, wholeCharacters(text, space > room / 2 ? space : room));
}

/** Whether text, where it begins a line, would be read as the beginning of something else. */
export function beginsWithMark(text: string): boolean {
  return MARK.test(text.slice(0, 12));
}

/** Whether a place lies in plain text; then the same for text that may be emphasised. */
function wholePlaces(source: string, allowance: Allowance | undefined): Array<(at: number) => boolean> {
  const tree = allowance && markdownTree(source, allowance);
  if (!tree) return [];
  const phrases = paragraphsOf(tree).flatMap(childrenOf);
  const isIn = (nodes: readonly MarkdownNode[]) => {
    const extents = nodes.filter(({ type }) => type === 'text' || type === 'break').map(extentOf);
    return (at: number) => extents.some(({ start, end }) => start < at && at <= end);
  };
  return [isIn(phrases), isIn(phrases.flatMap(emphasised))];
}

/** A phrase, and what is in it where it only emphasises. */
function emphasised(node: MarkdownNode): MarkdownNode[] {
  return ['emphasis', 'strong', 'delete'].includes(node.type) ? childrenOf(node).flatMap(emphasised) : [node];
}

function paragraphsOf(node: MarkdownNode): MarkdownNode[] {
  return node.type === 'paragraph' ? [node] : childrenOf(node).flatMap(paragraphsOf);
}
