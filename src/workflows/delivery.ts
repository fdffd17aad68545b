import { condition, isCancellation, sleep } from '@temporalio/workflow';
import type { Agent } from '../domain/agent.ts';
import type { InboundMessage } from '../domain/conversation.ts';
import type { DeliveryState, DeliveryTurn } from '../domain/delivery.ts';
import { deliverReply, showProgress } from './activities.ts';

/** How a turn's reply reaches the person. */
export type Delivery = {
  /** The turns before have ended. */
  myTurn: () => void;
  /** What the step that answers the turn needs to deliver early; undefined when it must not. */
  early: () => { turn: DeliveryTurn; state?: DeliveryState } | undefined;
  /** False when the channel refused the reply for good. The last text delivered is the one that stands. */
  deliver: (text: string, state?: DeliveryState) => Promise<boolean>;
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

/** Nobody knows how far the step that showed progress got. */
const UNKNOWN: DeliveryState = { progress: null, delivered: false, uncertain: true };

/**
 * Opens the way back. A channel with an address gets the reply pushed; elsewhere the workflow's result is the
 * reply.
 */
export function openDelivery(message: InboundMessage, agent: Agent): Delivery {
  const { tenantId, agentId, userId, messageId, seq, threadId = '', channel } = message;
  if (channel.address === undefined) return FETCHED;
  return openPush(
    { tenantId, agentId, userId, messageId, seq, threadId, channel },
    message.turnsAhead,
    agent,
  );
}

const FETCHED: Delivery = {
  myTurn: () => undefined,
  early: () => undefined,
  deliver: () => Promise.resolve(true),
  delivered: () => false,
};

function openPush(turn: DeliveryTurn, turnsAhead: number, agent: Agent): Delivery {
  let isMyTurn = turnsAhead === 0;
  let delivered = false;
  /** The step of its own that shows progress, for a turn that waits for long enough. */
  let showing: Promise<DeliveryState> | undefined;
  let shown: DeliveryState | undefined;

  const showWhileWaiting = async (): Promise<void> => {
    const delayMs = FIRST_DELAY_MS + DELAY_PER_TURN_MS * turnsAhead;
    await condition(() => isMyTurn, Math.min(delayMs, LONGEST_DELAY_MS));
    if (isMyTurn) return;
    // Without a placeholder the reply is a message of its own: nothing hangs on it.
    showing = showProgress({ turn, grows: agent.liveReplies }).catch(() => UNKNOWN);
    shown = await showing;
  };
  // A turn that is cancelled while it waits shows nothing.
  if (!isMyTurn) showWhileWaiting().catch(() => undefined);

  return {
    myTurn: () => void (isMyTurn = true),
    early: () => {
      if (!showing) return { turn };
      return shown?.uncertain === false ? { turn, state: shown } : undefined;
    },
    deliver: async (text, state) => {
      try {
        if (!state?.delivered) {
          const known = state ?? (await showing) ?? UNKNOWN;
          if (known.retryAfterMs) {
            await sleep(known.retryAfterMs, { summary: 'before the channel is called again' });
          }
          await deliverReply({ turn, state: known, text });
        }
        delivered = true;
        return true;
      } catch (error) {
        if (isCancellation(error)) throw error;
        return false;
      }
    },
    delivered: () => delivered,
  };
}
