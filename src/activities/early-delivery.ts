import { activityInfo, cancellationSignal, heartbeat, log } from '@temporalio/activity';
import { splitReply } from '../channels/slack/outbound/reply-parts.ts';
import type { HandedOver, HandoverTurn, PlaceholderPosted } from '../domain/delivery.ts';
import { appendTurn } from '../memory/window/window.ts';
import { slackTrouble } from '../channels/slack/errors.ts';
import { createLiveReply, type LiveReply } from '../channels/slack/outbound/live-reply.ts';
import { postPart, updatePart } from '../channels/slack/outbound/thread-posts.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { engageThread, showAtWork } from '../channels/slack/outbound/thread.ts';

/**
 * Only a reply that is there so soon after the attempt was scheduled is handed over, by one call that takes 10 s at most: until
 * 15 s have passed (the heartbeat time-out) nobody else can be at work on the turn, however long we were cut off from
 * Temporal or stood still. Later another attempt may have other words.
 */
const HANDED_OVER_WITHIN_MS = 4_000;
/** A call that failed may still be carried out: whoever looks for what it left should not look at once. */
const SETTLED_AFTER_MS = 1_000;
/** How long the step waits for the window: the workflow can put the turn there as well. */
const APPENDED_WITHIN_MS = 300;

/** What the step that asks the model does in Slack beside it. */
export type Handover = {
  /** Shows the reply while it grows, if that is wanted. */
  live?: LiveReply;
  /** What is known of the placeholder by now: an attempt after this one need not look for it. */
  posted: () => PlaceholderPosted | undefined;
  /** Brings a reply to the thread if it can be done at once and by one message. Never rejects. */
  finish: (text: string) => Promise<HandedOver>;
  /** Puts the turn into the window once its reply stands. False when it doesn't stand there with these words. Never rejects. */
  append: (userText: string, replyText: string) => Promise<boolean>;
  /** What stands in the thread when there is no reply. Never rejects. */
  giveUp: () => Promise<HandedOver>;
};

/**
 * Shows in the thread that the agent is at work, at once, and takes the reply there as soon as it is known: that is
 * the answer's way as long as all goes well, and costs no further activity. Each call of Slack is made once; what
 * fails, takes long or is longer than one message is the business of `deliverReply`, which takes the text from the
 * history, is retried by Temporal and seen by operators.
 */
export function beginHandover(
  options: Pick<ActivityDependencies, 'slack' | 'redis'> & { turn: HandoverTurn; isLive: boolean },
): Handover {
  const { slack, redis, turn, isLive } = options;
  const { attempt, currentAttemptScheduledTimestampMs: scheduledAt } = activityInfo();
  const isFresh = (): boolean => attempt === 1 && Date.now() - scheduledAt < HANDED_OVER_WITHIN_MS;
  // A task that has been on its way for long may have been given to another worker since.
  const repeated = !isFresh();
  const client = slack(turn.place.team);
  let posted = activityInfo().heartbeatDetails as PlaceholderPosted | undefined;
  let tried = repeated;
  let notBefore = 0;

  const noteTrouble = (what: string, error: unknown): void => {
    const trouble = slackTrouble(error);
    tried = true;
    notBefore = Date.now() + (trouble?.kind === 'rate-limited' ? trouble.retryAfterMs : SETTLED_AFTER_MS);
    log.warn(what, trouble ? { trouble } : { error: error instanceof Error ? error.name : typeof error });
  };
  const begin = async (): Promise<void> => {
    if (posted || !client) return;
    posted = await showAtWork({ client, turn, asMessage: isLive, repeated });
  };
  const begun = begin().catch((error: unknown) => noteTrouble('Slack shows no placeholder', error));
  const ref = { messageId: turn.messageId, part: 0 };
  const grow = async (text: string): Promise<void> => {
    if (!client || posted?.kind !== 'message' || cancellationSignal().aborted) return;
    try {
      await updatePart(client, turn.place, posted.ts, ref, text);
    } catch (error) {
      noteTrouble('Slack does not show the reply while it grows', error);
      throw error;
    }
  };
  const state = (delivered: boolean): HandedOver => {
    const retryAfterMs = notBefore - Date.now();
    return {
      placeholder: posted ?? null,
      delivered,
      tried,
      ...(!delivered && retryAfterMs > 0 && { retryAfterMs }),
    };
  };
  const isMineAlone = (): boolean => isFresh() && !tried && !cancellationSignal().aborted;

  return {
    ...(isLive && { live: createLiveReply(grow) }),
    posted: () => posted,
    finish: async (text) => {
      await begun;
      const parts = splitReply(text);
      if (!client || !posted || parts.length > 1 || !isMineAlone()) return state(false);
      try {
        const markdown = parts[0] ?? '';
        const brought =
          posted.kind === 'message'
            ? updatePart(client, turn.place, posted.ts, ref, markdown)
            : postPart(client, turn.place, ref, markdown);
        await Promise.all([brought, engageThread({ redis, turn })]);
        return state(true);
      } catch (error) {
        noteTrouble('Slack did not take the reply at the first try', error);
        return state(false);
      }
    },
    append: async (userText, replyText) => {
      if (!turn.window || !isMineAlone()) return false;
      const { tenantId, agentId, messageId } = turn;
      const { userId, seq } = turn.window;
      const words = { seq, messageId, userText, replyText };
      // The workflow has the last word, should another attempt or run have been here before us, or come after.
      return isDoneSoon(appendTurn(redis, { tenantId, agentId, userId }, words, { isFinal: false }));
    },
    giveUp: async () => {
      await begun;
      // The next attempt gets it with its task. Not before it is needed: each heartbeat is a write in Temporal's database.
      if (posted) heartbeat(posted);
      return state(false);
    },
  };
}

async function isDoneSoon(append: Promise<boolean>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), APPENDED_WITHIN_MS);
  });
  try {
    return await Promise.race([append, late]);
  } catch (error) {
    log.warn('the window does not take the turn yet', {
      error: error instanceof Error ? error.name : typeof error,
    });
    return false;
  } finally {
    clearTimeout(timer);
  }
}
