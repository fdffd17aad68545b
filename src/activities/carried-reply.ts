import { activityInfo, cancellationSignal } from '@temporalio/activity';
import { ChannelError } from '../channels/channel.ts';
import { MAX_REPLY_BYTES, withinBytes } from '../domain/bounds.ts';
import { parseTurnWorkflowId } from '../domain/ids.ts';
import type { RedisClient } from '../redis/connection.ts';
import { createReplyWriter } from '../redis/reply-pieces.ts';
import { showGrowing, type GrowingReply } from './growing-reply.ts';

/** A reply on its way to whoever follows it over HTTP. */
export type CarriedReply = Pick<GrowingReply, 'show'> & {
  /** The attempt is over, with its reply or without. Nobody waits for it. */
  end: (isWhole: boolean) => void;
};

/** A reply that is whole before this is never written. */
const EVERY_MS = 100;

/**
 * Carries the reply of this attempt to the API while it grows. Nothing here fails or slows the attempt:
 * whoever follows a reply has the turn's result in the end. Undefined for what is no turn's. `shownOf` as in
 * `showGrowing`.
 */
export function carryReply({
  redis,
  shownOf,
}: {
  redis: RedisClient;
  shownOf: (textSoFar: string) => string;
}): CarriedReply | undefined {
  const { attempt, currentAttemptScheduledTimestampMs: scheduledAt, workflowExecution } = activityInfo();
  const turn = parseTurnWorkflowId(workflowExecution?.workflowId ?? '');
  if (!turn) return undefined;
  const writer = createReplyWriter(redis, turn, { scheduledAt });
  // Followers of the attempt before learn at once that its words don't count any more.
  if (attempt > 1) void writer.begin().catch(() => undefined);
  const show = async (text: string): Promise<void> => {
    const isHeard = !cancellationSignal().aborted && withinBytes(text, MAX_REPLY_BYTES) === text;
    if (!isHeard || !(await writer.grow(text))) throw new ChannelError('refused', 'nobody hears it');
  };
  const growing = showGrowing({ everyMs: EVERY_MS, show, shownOf });
  return {
    show: growing.show,
    end: (isWhole) => {
      const ended = growing.stop().then(() => (isWhole ? writer.end() : undefined));
      ended.catch(() => undefined);
    },
  };
}
