/** Sending a message, and following its reply while it grows. */
import { EventSourceParserStream } from 'eventsource-parser/stream';
import type { Schemas } from './client.ts';
import { problemIn, ProblemError } from './problem.ts';

export type Message = Schemas['Message'];

export type ReplyEvent =
  | { kind: 'accepted'; messageId: string; workflowId: string }
  | { kind: 'delta'; text: string }
  | { kind: 'reset' }
  | { kind: 'end'; message: Message };

export type Outgoing = { agentId: string; userId: string; text: string; key: string };

const TRIES_IN_A_ROW = 8;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 5_000;

/** Sends a message. Its key makes sure that it is sent once, however often the connection breaks. */
export function sendMessage(outgoing: Outgoing): AsyncGenerator<ReplyEvent> {
  const { agentId, userId, text, key } = outgoing;
  return events(undefined, () =>
    fetch(`/v1/agents/${encodeURIComponent(agentId)}/messages`, {
      method: 'POST',
      headers: {
        accept: 'text/event-stream',
        'content-type': 'application/json',
        'idempotency-key': key,
      },
      body: JSON.stringify({ userId, text }),
    }),
  );
}

/** Follows the reply to a message that has been accepted. */
export function followMessage(messageId: string): AsyncGenerator<ReplyEvent> {
  return events(messageId, () => resume(messageId, undefined));
}

const resume = (messageId: string, lastId: string | undefined): Promise<Response> =>
  fetch(`/v1/messages/${encodeURIComponent(messageId)}/events`, {
    headers: { accept: 'text/event-stream', ...(lastId !== undefined && { 'last-event-id': lastId }) },
  });

/** The events to the end. A stream that breaks is taken up behind the last event that was seen. */
async function* events(known: string | undefined, open: () => Promise<Response>): AsyncGenerator<ReplyEvent> {
  let messageId = known;
  let lastId: string | undefined;
  for (let failed = 0; ; failed += 1) {
    try {
      const response =
        messageId !== undefined && lastId !== undefined ? await resume(messageId, lastId) : await open();
      if (response.status === 204) return;
      if (!response.ok || !response.body) throw new ProblemError(await problemIn(response));
      const reader = response.body
        .pipeThrough(new TextDecoderStream())
        .pipeThrough(new EventSourceParserStream())
        .getReader();
      for (let next = await reader.read(); !next.done; next = await reader.read()) {
        failed = 0;
        lastId = next.value.id;
        const event = readEvent(next.value.event, next.value.data);
        if (!event) continue;
        if (event.kind === 'accepted') messageId = event.messageId;
        yield event;
        if (event.kind === 'end') return;
      }
    } catch (error) {
      if (error instanceof ProblemError && error.problem.status !== 503) throw error;
      if (failed >= TRIES_IN_A_ROW) throw error;
    }
    await new Promise((resolve) =>
      setTimeout(resolve, Math.min(FIRST_WAIT_MS * 2 ** failed, LONGEST_WAIT_MS)),
    );
  }
}

function readEvent(name: string | undefined, data: string): ReplyEvent | undefined {
  const body = JSON.parse(data) as object;
  switch (name) {
    case 'accepted':
      return { kind: 'accepted', ...(body as { messageId: string; workflowId: string }) };
    case 'delta':
      return { kind: 'delta', ...(body as { text: string }) };
    case 'reset':
      return { kind: 'reset' };
    case 'done':
    case 'failed':
      return { kind: 'end', message: body as Message };
    default:
      return undefined;
  }
}
