import { activityInfo, cancellationSignal, heartbeat, log } from '@temporalio/activity';
import type { OpenOptions, OpenTurn, Said } from '../channels/channel.ts';
import type { Agent } from '../domain/agent.ts';
import type { DeliveryState, DeliveryTurn, EarlyDeliveryInput, Progress } from '../domain/delivery.ts';
import { EARLY_APPEND_WITHIN_MS, EARLY_DELIVERY_WITHIN_MS } from '../domain/timing.ts';
import { within } from '../lib/within.ts';
import { appendTurn } from '../memory/window/window.ts';
import { channelOf } from './channel-failure.ts';
import { errorName, watchChannel, type ChannelTrouble } from './channel-trouble.ts';
import { DEFERRALS, isFirstTry } from './deferral.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { showGrowing, type GrowingReply } from './growing-reply.ts';
import { watchForStop, type StopWatch } from './stop-watch.ts';

/** Stands in the heartbeat's details beside what shows progress; absent while no attempt was paid in vain. */
export const PAID_ATTEMPTS = 'paidAttempts';

/** A quick reply needs no button that stops it, nor the calls that it takes. */
const STOP_OFFERED_AFTER_MS = 1_500;

/** What the step that asks the model does in the turn's channel beside it. Nothing here rejects. */
export type EarlyDelivery = {
  /** Shows the reply while it grows, if the agent does that and the channel can. */
  growing: GrowingReply | undefined;
  /**
   * What shows that the agent is at work: it travels in heartbeats, so that a later attempt need not look for
   * it.
   */
  progress: () => Progress | null;
  /** Delivers the reply if it may, and says how far it got. */
  deliver: (text: string) => Promise<DeliveryState>;
  /** Whether a person has taken over by now: then nothing is shown. */
  isSilent: () => Promise<boolean>;
  /**
   * Takes away what was shown: nothing is to be delivered. Where that fails, the step that delivers has to do
   * it, which is retried.
   */
  withdraw: () => Promise<DeliveryState>;
  /**
   * A person is to take over from now on. Where that fails, the step that delivers has to do it, which is
   * retried.
   */
  askForPerson: (
    asked: { agent: Agent; said: readonly Said[] },
    state: DeliveryState,
  ) => Promise<DeliveryState>;
  /**
   * Tells people where not all could be told as a person was asked for. Where that fails, the step that
   * delivers has to do it, which is retried.
   */
  tellIfUntold: (state: DeliveryState) => Promise<DeliveryState>;
  /** Whether somebody stops the turn in its channel. */
  stop: StopWatch;
  /** Appends the turn to the window once its reply stands. False when the window doesn't hold these words. */
  append: (userText: string, replyText: string) => Promise<boolean>;
  /** How far it got when there is no reply. */
  giveUp: () => Promise<DeliveryState>;
};

/**
 * Shows at once that the agent is at work, and delivers the reply where that takes one call: this saves two
 * activities and two workflow tasks. `canDeliverEarly` needs all of: first try; scheduled a short time
 * ago; no failed call; not cancelled. The call is bounded, so it ends before the heartbeat time-out lets
 * another attempt start (domain/timing.ts). Everything else is left to `deliverReply`, which Temporal retries
 * and operators see.
 */
export function beginEarlyDelivery(
  options: Pick<ActivityDependencies, 'channels' | 'redis' | 'windowBytes'> &
    EarlyDeliveryInput & {
      grows: boolean;
      /** What of a reply people see while it grows. */
      shownOf: (textSoFar: string) => string;
    },
): EarlyDelivery {
  const { channels, turn, state, isShownElsewhere = false, grows, shownOf } = options;
  const { currentAttemptScheduledTimestampMs: scheduledAt } = activityInfo();
  const isFirst = isFirstTry();
  const isFresh = (): boolean => isFirst && Date.now() - scheduledAt < EARLY_DELIVERY_WITHIN_MS;
  // A task that has been under way for long may have been given to another worker since.
  const isRepeated = !isFresh() || state?.uncertain === true || isShownElsewhere;
  const known = progressOfLastAttempt() ?? state?.progress ?? null;
  const trouble = watchChannel({ name: turn.channel.name, uncertain: isRepeated });

  const open = tryToOpen(channels, turn, { progress: known, uncertain: isRepeated, grows }, trouble);
  const isSilent = async (): Promise<boolean> => (await open?.isSilent?.()) === true;
  const showing = isShownElsewhere ? SHOWS_NOTHING : beginShowing(open, trouble, isSilent);
  const progress = () => open?.progress() ?? known;
  const canDeliverEarly = () => isFresh() && !trouble.uncertain() && !cancellationSignal().aborted;
  const stateNow = (delivered: boolean): DeliveryState => {
    const retryAfterMs = trouble.retryAfterMs();
    return {
      progress: progress(),
      delivered,
      uncertain: trouble.uncertain(),
      ...(!delivered && retryAfterMs !== undefined && { retryAfterMs }),
    };
  };
  /** What the step that delivers has to do; of a state that says nothing it does no more than that. */
  const leaving = (
    { saysNothing }: Pick<DeliveryState, 'saysNothing'>,
    left: Partial<DeliveryState> = {},
  ): DeliveryState => ({
    ...stateNow(false),
    uncertain: true,
    ...(saysNothing && { saysNothing }),
    ...left,
  });

  return {
    growing: grows && open?.grow ? beginGrowing(open.grow, trouble, { isSilent, shownOf }) : undefined,
    progress,
    isSilent,
    withdraw: async () => {
      if (isShownElsewhere) return leaving({ saysNothing: true });
      await showing.settled();
      const withdraw = done(async () => open?.withdraw?.());
      const isDone = await trouble.attempt('the channel still shows that the agent is at work', withdraw);
      if (!isDone) return leaving({ saysNothing: true });
      return { progress: null, delivered: true, uncertain: false, saysNothing: true };
    },
    askForPerson: async (asked, state) => {
      if (isShownElsewhere) return leaving(state, { asksForPerson: true });
      const ask = done(async () => open?.askForPerson?.(asked));
      const isDone = await trouble.attempt('nobody is told to take over yet', ask);
      return isDone ? state : leaving(state, { asksForPerson: true });
    },
    tellIfUntold: async (state) => {
      const tell = done(async () => open?.tellIfUntold?.());
      const isDone = await trouble.attempt('not all are told to take over yet', tell);
      return isDone ? state : leaving(state, { isUntold: true });
    },
    stop: withEnd(watchForStop(open), showing.end),
    deliver: async (text) => {
      await showing.settled();
      if (!open || !canDeliverEarly()) return stateNow(false);
      const deliverAtOnce = () => open.deliverAtOnce(text);
      const what = 'the channel did not take the reply at the first try';
      return stateNow((await trouble.attempt(what, deliverAtOnce)) === true);
    },
    append: async (userText, replyText) => {
      if (!canDeliverEarly()) return false;
      return appendAtOnce(options, { userText, replyText });
    },
    giveUp: async () => {
      await showing.settled();
      const left = progress();
      // The next attempt gets it with its task. Only here, since each heartbeat is a write in Temporal's
      // database.
      if (left) heartbeat(left);
      return stateNow(false);
    },
  };
}

async function appendAtOnce(
  { redis, windowBytes, turn }: Pick<ActivityDependencies, 'redis' | 'windowBytes'> & { turn: DeliveryTurn },
  { userText, replyText }: { userText: string; replyText: string },
): Promise<boolean> {
  const words = { seq: turn.seq, messageId: turn.messageId, userText, replyText };
  try {
    // Provisional: another attempt or run may have other words, and the workflow has the last.
    const appending = appendTurn(redis, turn, words, { isFinal: false, atMost: windowBytes });
    return await within(EARLY_APPEND_WITHIN_MS, appending);
  } catch (error) {
    log.warn('the window does not take the turn yet', { error: errorName(error) });
    return false;
  }
}

/** The same work; it gives true when it is done. */
const done = (work: () => Promise<void>) => () => work().then(() => true);

const withEnd = (stop: StopWatch, end: () => void): StopWatch => ({
  ...stop,
  end: () => {
    end();
    stop.end();
  },
});

type Showing = {
  /** Nothing more is shown from now on, and what is under way has ended. */
  settled(): Promise<void>;
  end(): void;
};
const SHOWS_NOTHING: Showing = { settled: () => Promise.resolve(), end: () => undefined };

/** Shows that the agent is at work; and when that takes its time, that it can be stopped. */
function beginShowing(
  open: OpenTurn | undefined,
  trouble: ChannelTrouble,
  isSilent: () => Promise<boolean>,
): Showing {
  const unlessSilent = async (what: string, show: () => Promise<void> | undefined): Promise<void> => {
    if (!(await isSilent())) await trouble.attempt(what, async () => show());
  };
  let underWay = unlessSilent('the channel shows no progress', () => open?.showProgress());
  const offer = () => unlessSilent('nobody is offered to stop it', () => open?.offerStop?.());
  const timer = setTimeout(() => void (underWay = underWay.then(offer)), STOP_OFFERED_AFTER_MS);
  return {
    async settled() {
      clearTimeout(timer);
      await underWay;
    },
    end: () => clearTimeout(timer),
  };
}

function progressOfLastAttempt(): Progress | undefined {
  const details = activityInfo().heartbeatDetails as Progress | undefined;
  if (!details) return undefined;
  const { [PAID_ATTEMPTS]: _, [DEFERRALS]: __, ...progress } = details;
  return Object.keys(progress).length > 0 ? progress : undefined;
}

function tryToOpen(
  channels: ActivityDependencies['channels'],
  turn: DeliveryTurn,
  options: OpenOptions,
  trouble: ChannelTrouble,
): OpenTurn | undefined {
  try {
    return channelOf({ channels, turn }).open(turn, options);
  } catch (error) {
    trouble.note('the channel can’t be spoken to', error);
    return undefined;
  }
}

function beginGrowing(
  grow: NonNullable<OpenTurn['grow']>,
  trouble: ChannelTrouble,
  { isSilent, shownOf }: { isSilent: () => Promise<boolean>; shownOf: (textSoFar: string) => string },
): GrowingReply {
  const show = async (text: string): Promise<void> => {
    if (cancellationSignal().aborted || (await isSilent())) return;
    try {
      await grow.show(text);
    } catch (error) {
      trouble.note('the channel does not show the reply while it grows', error);
      throw error;
    }
  };
  return showGrowing({ everyMs: grow.everyMs, show, shownOf });
}
