import { createHmac } from 'node:crypto';
import type { Agent } from '../domain/agent.ts';
import type { InboundMessage } from '../domain/conversation.ts';
import { sealedParts, type TurnSeals } from '../domain/seals.ts';
import { isSameSecret } from '../lib/same-secret.ts';

/** A part that can be sealed. */
export type SealedPart = keyof TurnSeals;

/** The seal of one part of a turn: a keyed hash, bound to the turn and to the part. */
export function sealOf(key: Buffer, messageId: string, part: SealedPart, value: unknown): string {
  // A part goes through Temporal as JSON, so what JSON leaves out counts as left out.
  return createHmac('sha256', key)
    .update(JSON.stringify([messageId, part, value]))
    .digest('base64url');
}

/** Whether a seal is that of this part of this turn. */
export function isSealed(
  key: Buffer,
  messageId: string,
  part: SealedPart,
  value: unknown,
  seal: unknown,
): boolean {
  return typeof seal === 'string' && isSameSecret(seal, sealOf(key, messageId, part, value));
}

/** Seals what a turn starts with: the message and its agent. */
export function sealTurn(key: Buffer, message: InboundMessage, agent: Agent): TurnSeals {
  return { ...sealMessage(key, message), agent: sealOf(key, message.messageId, 'agent', agent) };
}

/** Seals a message alone. */
export function sealMessage(key: Buffer, message: InboundMessage): TurnSeals {
  const { tenantId, messageId } = message;
  const seal = (part: SealedPart, value: unknown) => sealOf(key, messageId, part, value);
  const { turn, text, sender, background } = sealedParts(message);
  return {
    id: seal('id', [tenantId, messageId]),
    turn: seal('turn', turn),
    text: seal('text', text),
    sender: seal('sender', sender),
    background: seal('background', background),
    at: `${message.receivedAt} ${seal('at', message.receivedAt)}`,
  };
}

/** When a turn's message came, by its seals; undefined when these don't tell. In milliseconds since 1970. */
export function acceptedAt(key: Buffer, messageId: string, { at }: TurnSeals): number | undefined {
  if (typeof at !== 'string') return undefined;
  const [time = '', seal] = at.split(' ');
  const parsed = Date.parse(time);
  return isSealed(key, messageId, 'at', time, seal) && !Number.isNaN(parsed) ? parsed : undefined;
}
