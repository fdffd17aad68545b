/** A message is claimed in our record, posted, and written down: no attempt after this one posts it again. */
import { slackTrouble } from '../errors.ts';
import type { PostRef } from './post-record.ts';
import type { Place } from './thread-posts.ts';

/**
 * Posts what `send` posts. Gives its `ts`, or undefined, with nothing posted, when an attempt before has
 * claimed the message: then look what stands there.
 */
export async function postOnce(
  { record }: Place,
  ref: PostRef,
  send: () => Promise<string>,
): Promise<string | undefined> {
  const claim = await record.claim(ref);
  if (!claim) return undefined;
  try {
    const ts = await send();
    claim.posted(ts);
    return ts;
  } catch (error) {
    if (wasNotCarriedOut(error)) claim.gone();
    throw error;
  }
}

/** After any other failure the message may stand there all the same. */
export function wasNotCarriedOut(error: unknown): boolean {
  const kind = slackTrouble(error)?.kind;
  return kind === 'refused' || kind === 'rate-limited';
}
