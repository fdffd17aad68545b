/**
 * HTTP as a channel: a program sends a message with its tenant's key, and fetches the reply or waits for it.
 */
import { z } from 'zod';
import { check, idField, MAX_TEXT_LENGTH, textField } from '../../intake/fields.ts';
import type { InboundChannel, Received } from '../channel.ts';

/**
 * The body of `POST /v1/agents/{agentId}/messages`. Unknown fields are ignored: a sender may be newer than we
 * are.
 */
export const messageBody = z.object({
  userId: idField.describe('Who speaks. One user keeps one memory per agent, across threads.'),
  text: textField(MAX_TEXT_LENGTH).refine((value) => value.trim() !== '', 'must not be empty'),
  threadId: idField.optional(),
});

/** A message whose tenant is known by its key. */
export type HttpMessageRequest = {
  tenantId: string;
  agentId: string;
  body: unknown;
  idempotencyKey: string | undefined;
};

export const http = {
  name: 'http',
  receive: (request: HttpMessageRequest) => Promise.resolve(receive(request)),
} satisfies InboundChannel<HttpMessageRequest>;

function receive({
  tenantId,
  agentId,
  body,
  idempotencyKey,
}: HttpMessageRequest): Extract<Received, { kind: 'message' | 'invalid' }> {
  const read = check(messageBody, body, 'body');
  if (read.kind === 'invalid') return read;
  const key = check(idField.optional(), idempotencyKey, 'Idempotency-Key');
  if (key.kind === 'invalid') return key;
  const { userId, text, threadId } = read.value;
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
