/**
 * What intake accepted, in parts, each with a seal: whoever reaches Temporal can start any workflow and
 * schedule any step, with any input. Steps of a turn take only what is sealed for that very turn.
 */
import type { InboundMessage } from './conversation.ts';
import type { DeliveryTurn } from './delivery.ts';

/** The seals of a turn, by the part that each is for. They travel with it from step to step. */
export type TurnSeals = {
  /** For the step that needs nothing else. */
  id: string;
  /** Whose turn it is, its place in the scope, and where its reply goes. */
  turn: string;
  text: string;
  /** When the message came, and what its sender is called. */
  sender: string;
  background: string;
  /** When the message came, in clear and then its seal, for steps that get no message (`intake/seals.ts`). */
  at?: string;
  /** Absent where no agent answers. */
  agent?: string;
  /** The model's words, once there are any. */
  reply?: string;
  /** The same as the person sees them, where that differs. */
  shown?: string;
  /** The message's embedding. */
  embedding?: string;
};

/** The parts of a message, each as it is sealed. */
export function sealedParts(message: InboundMessage) {
  return {
    turn: sealedTurn(message),
    text: message.text,
    sender: [message.receivedAt, message.userName ?? null],
    background: message.background ?? null,
  };
}

/** The part `turn`, from a message or from what a delivery has of it. */
export function sealedTurn(turn: InboundMessage | DeliveryTurn): unknown[] {
  const { tenantId, agentId, userId, messageId, seq, threadId = '', channel } = turn;
  return [tenantId, agentId, userId, messageId, seq, threadId, channel.name, channel.address ?? null];
}
