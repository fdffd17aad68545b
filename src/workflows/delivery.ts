import { condition, isCancellation, sleep } from '@temporalio/workflow';
import type { DeliveryState, DeliveryTurn, EarlyDeliveryInput } from '../domain/delivery.ts';
import type { HandleMessageInput, TurnAnswer } from '../domain/turn.ts';
import { deliverReply, showProgress } from './activities.ts';

/** How a turn's reply reaches the person. */
export type Delivery = {
  /** The turns before have ended. */
  myTurn: () => void;
  /** The input of early delivery for the step that answers the turn; undefined where nothing is pushed. */
  early: () => Promise<EarlyDeliveryInput | undefined>;
  /**
   * Delivers a text in place of whatever stands in the channel. `state` is what the step before has left
   * there, undefined when it could not say. False when the channel refused the reply for good.
   */
  deliver: (text: string, state?: DeliveryState, seals?: TurnAnswer['seals']) => Promise<boolean>;
  /** Whether anything was delivered yet. */
  delivered: () => boolean;
};

/*
 * In a burst the placeholders of waiting turns keep this distance. So they, and the replies that replace
 * them, stand in the order of the questions, and each appears within a second.
 */
const FIRST_DELAY_MS = 400;
const DELAY_PER_TURN_MS = 50;
const LONGEST_DELAY_MS = 800;

/**
 * Opens the way back: a channel with an address gets the reply pushed, others fetch the workflow's result.
 */
export function openDelivery(input: HandleMessageInput): Delivery {
  const { message } = input;
  const { tenantId, agentId, userId, messageId, seq, threadId = '', channel, turnsAhead } = message;
  if (channel.address === undefined) return FETCHED;
  return openPush({ tenantId, agentId, userId, messageId, seq, threadId, channel }, turnsAhead, input);
}

const FETCHED: Delivery = {
  myTurn: () => undefined,
  early: () => Promise.resolve(undefined),
  deliver: () => Promise.resolve(true),
  delivered: () => false,
};

function openPush(
  turn: DeliveryTurn,
  turnsAhead: number,
  { agent, again, seals }: HandleMessageInput,
): Delivery {
  let isMyTurn = turnsAhead === 0;
  let isDelivered = false;
  let isShownElsewhere = false;
  /** The step of its own that shows progress, for a turn that waits for long enough. */
  let showing: Promise<void> | undefined;
  /** What stands in the channel, as far as the steps have said. */
  let known: DeliveryState = { progress: null, delivered: false, uncertain: true };

  const show = async (): Promise<void> => {
    // Without a placeholder the reply is a message of its own: nothing hangs on it.
    known = await showProgress({ turn, grows: agent.liveReplies, again: again === true, seals }).catch(
      () => known,
    );
  };
  const showWhileWaiting = async (): Promise<void> => {
    const delayMs = FIRST_DELAY_MS + DELAY_PER_TURN_MS * turnsAhead;
    await condition(() => isMyTurn, Math.min(delayMs, LONGEST_DELAY_MS));
    if (!isMyTurn) showing = show();
  };
  // A turn that is cancelled while it waits shows nothing.
  if (!isMyTurn) showWhileWaiting().catch(() => undefined);

  return {
    myTurn: () => void (isMyTurn = true),
    early: async () => {
      // What an earlier run has left, a reply or an apology, is looked for and written over.
      if (!showing) return again ? { turn, state: known } : { turn };
      // A reply can only grow in a message that is known. Others don't wait for it.
      if (agent.liveReplies) await showing;
      isShownElsewhere = known.uncertain;
      if (isShownElsewhere) return { turn, isShownElsewhere: true };
      const state = known;
      // A step that ends without a word may have left more than this.
      known = { ...known, uncertain: true };
      return { turn, state };
    },
    deliver: async (text, state, replySeals) => {
      try {
        await showing;
        known = state && isShownElsewhere ? { ...known, ...leftToDo(state) } : (state ?? known);
        if (!known.delivered) {
          const { retryAfterMs } = known;
          if (retryAfterMs) await sleep(retryAfterMs, { summary: 'before the channel is called again' });
          const before = known;
          const { progress, saysNothing } = known;
          known = { progress, delivered: false, uncertain: true, ...(saysNothing && { saysNothing }) };
          await deliverReply({ turn, state: before, text, seals: seals && { ...seals, ...replySeals } });
        }
        isDelivered = true;
        return true;
      } catch (error) {
        if (isCancellation(error)) throw error;
        return false;
      }
    },
    delivered: () => isDelivered,
  };
}

/** What a step that showed nothing has left to the one that delivers. */
function leftToDo(state: DeliveryState): Partial<DeliveryState> {
  const { saysNothing, asksForPerson, isUntold, retryAfterMs } = state;
  return {
    ...(saysNothing && { saysNothing }),
    ...(asksForPerson && { asksForPerson }),
    ...(isUntold && { isUntold }),
    ...(retryAfterMs && { retryAfterMs }),
  };
}
