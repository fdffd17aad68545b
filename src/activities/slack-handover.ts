import { activityInfo, heartbeat, log } from '@temporalio/activity';
import { splitReply } from '../domain/reply-parts.ts';
import type { HandedOver, PlaceholderPosted, SlackTurn } from '../domain/slack-reply.ts';
import { slackTrouble } from '../slack/errors.ts';
import { createLiveReply, type LiveReply } from '../slack/live-reply.ts';
import { updatePart } from '../slack/thread-posts.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { bringReply, engageThread, showAtWork } from './slack-thread.ts';

/** What the step that asks the model does in Slack beside it. */
export type Handover = {
  /** Shows the reply while it grows, if that is wanted. */
  live?: LiveReply;
  /** What stands in the thread, as soon as Slack has answered; null when nothing does, or nobody knows. Never rejects. */
  placeholder: Promise<PlaceholderPosted | null>;
  /** What is known of it by now: an attempt after this one need not look for it. */
  posted: () => PlaceholderPosted | undefined;
  /** Brings a reply of one message to the thread, and leaves all else to `deliverReply`. Never rejects. */
  finish: (text: string) => Promise<HandedOver>;
};

/**
 * Shows in the thread that the agent is at work, at once, and takes the reply there as soon as it is known: that is
 * the answer's way as long as all goes well, and costs no further activity. Each call of Slack is made once; what
 * fails or is longer than one message is the business of `deliverReply`, which Temporal retries and operators see.
 */
export function beginHandover(
  options: Pick<ActivityDependencies, 'slack' | 'redis'> & { turn: SlackTurn; isLive: boolean },
): Handover {
  const { slack, redis, turn, isLive } = options;
  const repeated = activityInfo().attempt > 1;
  const client = slack(turn.place.team);
  let posted = activityInfo().heartbeatDetails as PlaceholderPosted | undefined;
  let notBefore = 0;

  const noteTrouble = (what: string, error: unknown): void => {
    const trouble = slackTrouble(error);
    if (trouble?.kind === 'rate-limited') notBefore = Date.now() + trouble.retryAfterMs;
    log.warn(what, { err: error });
  };
  const begin = async (): Promise<PlaceholderPosted | null> => {
    if (posted || !client) return posted ?? null;
    posted = await showAtWork({ client, turn, asMessage: isLive, repeated });
    heartbeat(posted);
    return posted;
  };
  const placeholder = begin().catch((error: unknown) => {
    noteTrouble('Slack shows no placeholder', error);
    return null;
  });
  const grow = async (text: string): Promise<void> => {
    if (!client || posted?.kind !== 'message') return;
    await updatePart(client, turn.place, posted.ts, { messageId: turn.messageId, part: 0 }, text);
  };
  const asked = (): Pick<HandedOver, 'retryAfterMs'> => {
    const retryAfterMs = notBefore - Date.now();
    return retryAfterMs > 0 ? { retryAfterMs } : {};
  };

  return {
    ...(isLive && { live: createLiveReply(grow) }),
    placeholder,
    posted: () => posted,
    finish: async (text) => {
      const standing = await placeholder;
      const parts = splitReply(text);
      if (!client || !standing || parts.length > 1) return { placeholder: standing, ...asked() };
      try {
        await bringReply({ client, reply: { ...turn, placeholder: standing, parts }, repeated });
      } catch (error) {
        noteTrouble('Slack did not take the reply at the first try', error);
        return { placeholder: standing, delivered: false, ...asked() };
      }
      await engageThread({ redis, turn });
      return { placeholder: standing, delivered: true };
    },
  };
}
