/** A reply as the blocks that it consists of, each with the lines that it holds. Pure. */
import { innerLine, itemOn, type Container } from './containers.ts';
import {
  blockTree,
  childrenOf,
  fenceOf,
  type MarkdownNode,
  type MarkdownRoot,
} from '../../../lib/markdown-tree.ts';
import type { Allowance } from '../../../lib/markdown-work.ts';

export type ReplyBlock = {
  kind:
    | 'text'
    /** Lines between `open` and `close`, byte for byte. */
    | 'code'
    /** `lines` begin with the header and what separates it. */
    | 'table'
    /** Not read as markdown: its lines are as they were written. */
    | 'plain';
  lines: string[];
  containers: readonly Container[];
  /** Whether empty lines stand before it. */
  isApart: boolean;
  open: string;
  close: string;
};

/**
 * How much is given to the parser at once: its time grows with the square of the list items and quotes. The
 * last block of each stretch is read again with the next one, since it may go on there.
 */
const STRETCH = 4_000;

/** How much longer the next stretch is, when a block is longer than this one: few are read again. */
const STRETCHED = 4;

/**
 * Reads a reply of any length, in time that grows as it does. A stretch for which too little of the allowance
 * is left is not read as markdown.
 */
export function* readBlocks(text: string, allowance: Allowance): Generator<ReplyBlock> {
  let from = 0;
  let length = STRETCH;
  while (from < text.length) {
    const end = text.indexOf('\n', from + length) + 1 || text.length;
    const stretch = text.slice(from, end);
    const tree = blockTree(stretch, allowance);
    if (!tree) {
      yield { ...NOTHING, kind: 'plain', lines: stretch.replace(/\n$/, '').split('\n') };
      from = end;
      length = STRETCH;
      continue;
    }
    const { read, known } = readStretch(tree, stretch, end === text.length);
    const [first] = read;
    if (first) first.isApart ||= /\n[ \t]*\n$/.test(text.slice(Math.max(0, from - STRETCH), from));
    length = known === 0 ? STRETCHED * length : STRETCH;
    yield* read;
    from += known;
  }
}

const NOTHING = { containers: [], isApart: false, open: '', close: '' };

type Reading = { lines: readonly string[]; blocks: ReplyBlock[]; lastLine: number };

/** The blocks of a stretch, and how much of it they are. */
function readStretch(
  tree: MarkdownRoot,
  stretch: string,
  isEnd: boolean,
): { read: ReplyBlock[]; known: number } {
  const reading: Reading = { lines: stretch.split('\n'), blocks: [], lastLine: 0 };
  const last = tree.children.at(-1);
  const whole = isEnd ? tree.children : tree.children.slice(0, -1);
  for (const node of whole) readBlock(node, [], reading);
  if (isEnd || last === undefined) return { read: reading.blocks, known: stretch.length };
  // Of a list that may go on, all items but the last are known.
  const items = last.type === 'list' ? last.children : [last];
  for (const item of items.slice(0, -1)) readBlock(item, [], reading);
  const open = startLineOf(items.at(-1) ?? last);
  const before = reading.lines.slice(0, open - 1);
  const known = reading.blocks.length === 0 ? 0 : before.join('\n').length + (open > 1 ? 1 : 0);
  return { read: reading.blocks, known };
}

function readBlock(node: MarkdownNode, around: readonly Container[], reading: Reading): void {
  const startLine = startLineOf(node);
  switch (node.type) {
    case 'list':
      readAll(node, around, reading);
      break;
    case 'blockquote':
      readAll(node, [...around, { kind: 'quote', startLine }], reading);
      break;
    case 'listItem':
    case 'footnoteDefinition': {
      const line = reading.lines[startLine - 1] ?? '';
      readAll(node, [...around, itemOn(line, startLine, around)], reading);
      break;
    }
    default:
      readLeaf(node, around, reading);
  }
}

function readAll(node: MarkdownNode, around: readonly Container[], reading: Reading): void {
  const children = childrenOf(node);
  for (const child of children) readBlock(child, around, reading);
  // A quote or an item that holds nothing is shown all the same.
  if (children.length === 0) addBlock(node, { kind: 'text', lines: [''], containers: around }, reading);
}

function readLeaf(node: MarkdownNode, containers: readonly Container[], reading: Reading): void {
  const end = node.position?.end.line ?? 0;
  const start = startLineOf(node);
  if (node.type === 'code') {
    const first = innerLine(reading.lines[start - 1] ?? '', start, containers).text.trim();
    const fence = fenceOf(first);
    const own = fenceFor(node.value);
    const block = { kind: 'code' as const, lines: node.value.split('\n'), containers };
    // Code that is only indented gets marks that stay what they are wherever it is cut.
    addBlock(
      node,
      fence === undefined ? { ...block, open: own, close: own } : { ...block, open: first, close: fence },
      reading,
    );
    return;
  }
  const lines = reading.lines.slice(start - 1, end).map((line, at) => {
    const { text, isLazy } = innerLine(line, start + at, containers);
    // Where the marks of its quote are added, such a line would underline a heading.
    return isLazy ? text.replace(/^(\s*)(?==+\s*$|-+\s*$)/, '$1\\') : text;
  });
  addBlock(node, { kind: node.type === 'table' ? 'table' : 'text', lines, containers }, reading);
}

function addBlock(
  node: MarkdownNode,
  block: Pick<ReplyBlock, 'kind' | 'lines' | 'containers'> & Partial<ReplyBlock>,
  reading: Reading,
): void {
  const isApart = startLineOf(node) > reading.lastLine + 1;
  reading.blocks.push({ ...NOTHING, ...block, isApart });
  reading.lastLine = Math.max(reading.lastLine, node.position?.end.line ?? 0);
}

function startLineOf(node: MarkdownNode): number {
  return node.position?.start.line ?? 1;
}

/** Backticks that no line of the code can be taken for. */
function fenceFor(code: string): string {
  const longest = (code.match(/`{3,}/g) ?? []).reduce((length, run) => Math.max(length, run.length), 2);
  return '`'.repeat(longest + 1);
}
