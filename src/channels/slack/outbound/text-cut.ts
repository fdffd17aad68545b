import { childrenOf, extentOf, isTooDeep, markdownTree, type MarkdownNode } from './markdown-tree.ts';
import { wholeCharacters } from './plain-text.ts';

/** What a line must not begin with by accident: it would be a mark, and gone. */
const MARK = /^(?:[-+*>#|=]|~~~|```|\d+[.)])/;

/**
 * Where to cut running text that begins at `from` and doesn't fit before `room`: after a line, else after a
 * space, in a place where no link, code or emphasis is torn, else wherever it must be.
 */
export function cutText(text: string, from: number, room: number): number {
  const source = text.slice(from, room + 1);
  // In a quote each line begins with its mark, which is no part of the paragraph.
  const marks = (mark: string) => ' '.repeat(mark.length);
  const isWhole = wholeAt(text.slice(from, room + 200).replace(/(?<=\n)[>\t ]+/g, marks));
  const half = (room - from) / 2;
  for (const separator of ['\n', ' ']) {
    // A few places are looked at, not all: text may consist of nothing else.
    let end = source.length - 1;
    for (let tries = 0; tries < 50; tries += 1) {
      const found = end <= 0 ? -1 : source.lastIndexOf(separator, end - 1);
      const at = found + 1;
      if (found < 0 || at < half) break;
      end = found;
      if (isWhole(at) && !MARK.test(text.slice(from + at, from + at + 12))) return from + at;
    }
  }
  const space = source.lastIndexOf(' ', source.length - 2) + 1;
  return Math.max(from + 1, wholeCharacters(text, space > half ? from + space : room));
}

/** Whether a place lies in plain text, rather than inside a link, code or emphasis. */
function wholeAt(source: string): (at: number) => boolean {
  if (isTooDeep(source)) return () => true;
  const plain = paragraphsOf(markdownTree(source))
    .flatMap(childrenOf)
    .filter(({ type }) => type === 'text' || type === 'break')
    .map(extentOf);
  // Not a paragraph: HTML, say. Any place is as good as another.
  if (plain.length === 0) return () => true;
  return (at) => plain.some(({ start, end }) => start < at && at <= end);
}

function paragraphsOf(node: MarkdownNode): MarkdownNode[] {
  return node.type === 'paragraph' ? [node] : childrenOf(node).flatMap(paragraphsOf);
}
