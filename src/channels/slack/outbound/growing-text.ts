import { closeOpenFence, splitReply } from './reply-parts.ts';

/** Over a longer time Slack allows about one update a second and channel. */
export const GROW_EVERY_MS = 1_750;

/** The first message's worth of a text that isn't finished, with its fence closed. */
export function growingText(text: string): string {
  const [first = '', ...more] = splitReply(text);
  return more.length > 0 ? `${first}\n\n…` : `${closeOpenFence(first)} …`;
}
