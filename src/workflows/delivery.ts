import { condition, isCancellation } from '@temporalio/workflow';
import type { Agent } from '../domain/agent.ts';
import type { InboundMessage } from '../domain/conversation.ts';
import { splitReply } from '../domain/reply-parts.ts';
import type { LivePlace, PlaceholderPosted, SlackTurn } from '../domain/slack-reply.ts';
import { delivering, placeholding } from './activities.ts';

/** How a turn's reply reaches the person. */
export type Delivery = {
  /** The turns before have ended. */
  myTurn: () => void;
  /** Where the reply can be shown while it is written, if anywhere. */
  livePlace: () => Promise<LivePlace | undefined>;
  /** False when the channel refused the reply for good. The last text delivered is the one that stands. */
  deliver: (text: string) => Promise<boolean>;
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

/** Opens the way back: in Slack a placeholder is posted beside everything else; over HTTP the result is the reply. */
export function openDelivery(message: InboundMessage, agent: Agent): Delivery {
  const { channel } = message;
  switch (channel.type) {
    case 'http':
      return {
        myTurn: () => undefined,
        livePlace: () => Promise.resolve(undefined),
        deliver: () => Promise.resolve(true),
        delivered: () => false,
      };
    case 'slack': {
      const { tenantId, agentId, messageId, threadId = '' } = message;
      return openSlackDelivery({ tenantId, agentId, messageId, threadId, place: channel }, message, agent);
    }
  }
}

function openSlackDelivery(turn: SlackTurn, { turnsAhead }: InboundMessage, agent: Agent): Delivery {
  let isMyTurn = turnsAhead === 0;
  let delivered = false;

  const postPlaceholder = async (): Promise<PlaceholderPosted | null> => {
    if (!isMyTurn) {
      const delayMs = FIRST_DELAY_MS + DELAY_PER_TURN_MS * turnsAhead;
      await condition(() => isMyTurn, Math.min(delayMs, LONGEST_DELAY_MS));
    }
    return placeholding.postPlaceholder({ ...turn, asMessage: agent.liveReplies });
  };
  // Without it the reply is a message of its own: nothing hangs on it.
  const placeholder = postPlaceholder().catch(() => null);

  return {
    myTurn: () => void (isMyTurn = true),
    livePlace: async () => {
      if (!agent.liveReplies) return undefined;
      const posted = await placeholder;
      if (posted?.kind !== 'message') return undefined;
      return { messageId: turn.messageId, place: turn.place, ts: posted.ts };
    },
    deliver: async (text) => {
      try {
        await delivering.deliverReply({ ...turn, placeholder: await placeholder, parts: splitReply(text) });
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
