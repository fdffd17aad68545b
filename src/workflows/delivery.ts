import { condition, isCancellation, sleep } from '@temporalio/workflow';
import type { Agent } from '../domain/agent.ts';
import type { InboundMessage } from '../domain/conversation.ts';
import { splitReply } from '../channels/slack/outbound/reply-parts.ts';
import type {
  HandedOver,
  HandoverTurn,
  LivePlace,
  PlaceholderPosted,
  SlackTurn,
} from '../domain/delivery.ts';
import { delivering, placeholding } from './activities.ts';
import type { Steps } from './steps.ts';

/** How a turn's reply reaches the person. */
export type Delivery = {
  /** The turns before have ended. */
  myTurn: () => void;
  /** What the step that asks the model is told, so that the reply is seen as early as can be. */
  forTheModel: () => Promise<{ slack?: HandoverTurn; live?: LivePlace }>;
  /** False when the channel refused the reply for good. The last text delivered is the one that stands. */
  deliver: (text: string, handedOver?: HandedOver) => Promise<boolean>;
  /** Whether anything was delivered yet. */
  delivered: () => boolean;
};

/*
 * In a burst the placeholders of waiting turns keep this distance, so that they (and the replies that
 * replace them) stand in the thread in the order of the questions, and each is still there within a second.
 */
const FIRST_DELAY_MS = 400;
const DELAY_PER_TURN_MS = 50;
const LONGEST_DELAY_MS = 800;

/** Opens the way back: in Slack something shows at once that an answer is coming; over HTTP the result is the reply. */
export function openDelivery(message: InboundMessage, agent: Agent, steps: Steps): Delivery {
  const { channel } = message;
  switch (channel.type) {
    case 'http':
      return {
        myTurn: () => undefined,
        forTheModel: () => Promise.resolve({}),
        deliver: () => Promise.resolve(true),
        delivered: () => false,
      };
    case 'slack': {
      const { tenantId, agentId, messageId, threadId = '' } = message;
      return openSlackDelivery(
        { tenantId, agentId, messageId, threadId, place: channel },
        message,
        agent,
        steps,
      );
    }
  }
}

function openSlackDelivery(
  turn: SlackTurn,
  { turnsAhead, userId, seq }: InboundMessage,
  agent: Agent,
  { handsOver, appends }: Steps,
): Delivery {
  let isMyTurn = turnsAhead === 0;
  let delivered = false;
  let placeholder: Promise<PlaceholderPosted | null> | undefined;

  /** The step that asks the model does it all by itself, unless the turn has to wait and shows that before. */
  const isLeftToTheModel = () => handsOver && isMyTurn;
  const openPlaceholder = async (): Promise<void> => {
    if (!isMyTurn) {
      const delayMs = FIRST_DELAY_MS + DELAY_PER_TURN_MS * turnsAhead;
      await condition(() => isMyTurn, Math.min(delayMs, LONGEST_DELAY_MS));
    }
    if (isLeftToTheModel()) return;
    // Without it the reply is a message of its own: nothing hangs on it.
    placeholder = placeholding.postPlaceholder({ ...turn, asMessage: agent.liveReplies }).catch(() => null);
  };
  // A turn that is cancelled while it waits shows nothing.
  if (!isLeftToTheModel()) openPlaceholder().catch(() => undefined);

  return {
    myTurn: () => void (isMyTurn = true),
    forTheModel: async () => {
      if (handsOver && !placeholder)
        return { slack: { ...turn, ...(appends && { window: { userId, seq } }) } };
      if (!agent.liveReplies) return {};
      const posted = await placeholder;
      if (posted?.kind !== 'message') return {};
      return { live: { messageId: turn.messageId, place: turn.place, ts: posted.ts } };
    },
    deliver: async (text, handedOver) => {
      try {
        if (!handedOver?.delivered) {
          if (handedOver?.retryAfterMs)
            await sleep(handedOver.retryAfterMs, { summary: 'before Slack is called again' });
          await delivering.deliverReply({
            ...turn,
            placeholder: handedOver?.placeholder ?? (await placeholder) ?? null,
            ...(handedOver?.tried && { tried: true }),
            parts: splitReply(text),
          });
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
