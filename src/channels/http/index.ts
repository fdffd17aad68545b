/**
 * HTTP as a channel: a program sends a message with its tenant's key, and fetches the reply or waits for it.
 */
import { z } from 'zod';
import { MAX_TEXT_LENGTH } from '../../domain/bounds.ts';
import { check, filledText, idField } from '../../intake/fields.ts';
import type { InboundChannel, Received } from '../channel.ts';

/**
 * The body of `POST /v1/agents/{agentId}/messages`. Unknown fields are ignored: a sender may be newer than we
 * are.
 */
export const messageBody = z.object({
  userId: idField.describe('Who speaks. One user keeps one memory per agent, across threads.'),
  text: filledText(MAX_TEXT_LENGTH),
  threadId: idField.optional(),
});

/** A message whose tenant is known by its key. */
export type HttpMessageRequest = {
  tenantId: string;
  agentId: string;
  body: unknown;
  idempotencyKey: string | undefined;
};

export type HttpMessage = Extract<Received, { kind: 'message' | 'invalid' }>;
export type HttpChannel = { name: string; receive(request: HttpMessageRequest): Promise<HttpMessage> };

/**
 * HTTP beside other channels. A user id that begins with the name of one of them and a colon is a person
 * there, whom only that channel vouches for.
 */
export function createHttp(otherChannels: readonly string[]): HttpChannel {
  const isReserved = (userId: string): boolean => otherChannels.some((name) => userId.startsWith(`${name}:`));
  return {
    name: 'http',
    receive: (request) => Promise.resolve(receive(request, isReserved)),
  } satisfies InboundChannel<HttpMessageRequest>;
}

function receive(
  { tenantId, agentId, body, idempotencyKey }: HttpMessageRequest,
  isReserved: (userId: string) => boolean,
): HttpMessage {
  const read = check(messageBody, body, 'body');
  if (read.kind === 'invalid') return read;
  const key = check(idField.optional(), idempotencyKey, 'Idempotency-Key');
  if (key.kind === 'invalid') return key;
  const { userId, text, threadId } = read.value;
  if (isReserved(userId)) {
    const problem = `must not begin with ${userId.split(':', 1)[0]}: that is a person of another channel`;
    return { kind: 'invalid', field: 'userId', problem, isTooLarge: false };
  }
  return {
    kind: 'message',
    message: {
      tenantId,
      agentId,
      userId,
      channel: { name: 'http' },
      text,
      threadId,
      dedupeKey: key.value === undefined ? undefined : `http:${key.value}`,
    },
  };
}
