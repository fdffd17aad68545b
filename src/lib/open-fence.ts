/** Markdown that breaks off within a block of code. */
import {
  blockTree,
  childrenOf,
  extentOf,
  fenceOf,
  isTooDeep,
  linePrefix,
  type MarkdownNode,
} from './markdown-tree.ts';

/** The text with its last block of code closed, if that is still open. */
export function closeOpenFence(text: string): string {
  const closing = closingOf(text);
  return closing === '' ? text : `${text.replace(/\n$/, '')}${closing}`;
}

/**
 * What closes the block of code that is open at a text's end, within the quotes and lists that it stands in;
 * empty when none is.
 */
export function closingOf(text: string): string {
  if (isTooDeep(text)) return '';
  let last: MarkdownNode | undefined = blockTree(text);
  while (last && last.type !== 'code') last = childrenOf(last).at(-1);
  if (!last) return '';
  const { start, end } = extentOf(last);
  const source = text.slice(start, end);
  const fence = fenceOf(source);
  if (fence === undefined) return '';
  const [, ...body] = source.split('\n');
  const line = body.at(-1)?.replace(/^[\s>]+/, '') ?? '';
  const isClosed = new RegExp(`^${fence.charAt(0)}{${fence.length},}\\s*$`).test(line);
  return isClosed ? '' : `\n${linePrefix(text, start)}${fence}`;
}
