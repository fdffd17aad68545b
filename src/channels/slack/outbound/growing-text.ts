import { closeOpenFence } from '../../../lib/open-fence.ts';
import { firstParts } from './reply-parts.ts';

/** Over a longer time Slack allows about one update a second and channel. */
export const GROW_EVERY_MS = 1_750;

/** More than is looked at to cut the first message. */
const LOOK_AT_LENGTH = 10_000;

/** The first message's worth of a text that isn't finished, with its fence closed. */
export function growingText(textSoFar: string): { text: string; hasMore: boolean } {
  const [first = '', ...more] = firstParts(textSoFar.slice(0, LOOK_AT_LENGTH), 2);
  const hasMore = more.length > 0;
  return { text: hasMore ? `${first}\n\n…` : `${closeOpenFence(first)} …`, hasMore };
}
