import { closeOpenFence } from '../../../lib/open-fence.ts';
import { firstParts } from './reply-parts.ts';

/** Over a longer time Slack allows about one update a second and channel. */
export const GROW_EVERY_MS = 1_750;

/** More than is looked at to cut the first message. */
const LOOK_AT_LENGTH = 10_000;

/** The first message's worth of a text that isn't finished, with its fence closed. */
export function growingText(text: string): string {
  const [first = '', ...more] = firstParts(text.slice(0, LOOK_AT_LENGTH), 2);
  return more.length > 0 ? `${first}\n\n…` : `${closeOpenFence(first)} …`;
}
