import { blockTree, childrenOf, extentOf, fenceOf, isTooDeep, linePrefix } from './markdown-tree.ts';
import type { MarkdownNode } from './markdown-tree.ts';
import { splitReply } from './reply-parts.ts';

/** Over a longer time Slack allows about one update a second and channel. */
export const GROW_EVERY_MS = 1_750;

/** More than is looked at to cut the first message. */
const LOOK_AT_LENGTH = 10_000;

/** The first message's worth of a text that isn't finished, with its fence closed. */
export function growingText(text: string): string {
  const [first = '', ...more] = splitReply(text.slice(0, LOOK_AT_LENGTH));
  return more.length > 0 ? `${first}\n\n…` : `${closeOpenFence(first)} …`;
}

/** Closes a fence that is still open: what a half-written reply needs to be shown. */
export function closeOpenFence(text: string): string {
  if (isTooDeep(text)) return text;
  let last: MarkdownNode | undefined = blockTree(text);
  while (last && last.type !== 'code') last = childrenOf(last).at(-1);
  if (!last) return text;
  const { start, end } = extentOf(last);
  const source = text.slice(start, end);
  const fence = fenceOf(source);
  const [, ...body] = source.split('\n');
  const isClosed = body
    .at(-1)
    ?.replace(/^[\s>]+/, '')
    .trim()
    .startsWith(fence ?? '');
  if (fence === undefined || isClosed) return text;
  return `${text.replace(/\n$/, '')}\n${linePrefix(text, start)}${fence}`;
}
