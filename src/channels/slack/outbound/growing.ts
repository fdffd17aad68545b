/** How a reply is shown while the model writes it. */
import type { SlackProgress } from '../address.ts';
import { slackTrouble } from '../errors.ts';
import type { Owner } from '../../../lib/fair-queue.ts';
import { layOutGrowing, plainFirstOf, type LaidOutFirst } from './lay-out.ts';
import { plainContent } from './outbound-text.ts';
import { postOnce, wasNotCarriedOut } from './post-once.ts';
import type { PostRef } from './post-record.ts';
import { refusalCause } from './refusals.ts';
import { appendToStream, startStream, streamable } from './streams.ts';
import { updateContent, type Place } from './thread-posts.ts';

/**
 * Shows a text that grows: in the message that shows that the agent is at work, else in a stream. Gives what
 * shows it from then on.
 */
export function createGrowing(owner: Owner, ref: PostRef) {
  // Which form of a reply that grows Slack takes: a half-written table may be refused, its text isn't.
  let form = 0;
  let streamed = '';
  let shown: LaidOutFirst | undefined;
  let mayHaveBegun = false;
  const waiting = { ...ref, waiting: true };

  const update = async (place: Place, ts: string, textSoFar: string): Promise<void> => {
    // Once it is full, its message stays as it is.
    if (shown?.isGivenUp) shown = plainFirstOf(textSoFar);
    else if (!shown?.hasMore) shown = await layOutGrowing(owner, textSoFar);
    const { contents } = shown;
    const content = contents[Math.min(form, contents.length - 1)] ?? plainContent(textSoFar);
    try {
      await updateContent(place, ts, waiting, content);
    } catch (error) {
      if (refusalCause(error) !== 'content') throw error;
      form += 1;
    }
  };

  return async (place: Place, progress: SlackProgress, textSoFar: string): Promise<SlackProgress> => {
    const text = streamable(textSoFar);
    switch (progress.kind) {
      case 'message':
        await update(place, progress.ts, textSoFar);
        return progress;
      case 'stream': {
        if (text.length <= streamed.length) return progress;
        try {
          await appendToStream(place, progress.ts, text.slice(streamed.length));
          streamed = text;
          return progress;
        } catch (error) {
          if (slackTrouble(error)?.kind !== 'refused') throw error;
          // It has died: its message is one like any other.
          return { kind: 'message', ts: progress.ts, session: true };
        }
      }
      case 'session':
      case 'status': {
        // A start that nobody has heard of may stand: a second would be one more.
        if (mayHaveBegun || text.trim() === '') return progress;
        try {
          const ts = await postOnce(place, waiting, () => startStream(place, text));
          streamed = text;
          mayHaveBegun = true;
          return ts === undefined ? progress : { kind: 'stream', ts };
        } catch (error) {
          mayHaveBegun = !wasNotCarriedOut(error);
          throw error;
        }
      }
    }
  };
}
