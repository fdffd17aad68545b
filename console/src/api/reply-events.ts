/** Sending a message, and following its reply while it grows. */
import { EventSourceParserStream } from 'eventsource-parser/stream';
import { fetchClient, type Schemas } from './client.ts';
import { ProblemError } from './problem.ts';

export type Message = Schemas['Message'];

export type ReplyEvent =
  | ({ kind: 'accepted' } & Schemas['AcceptedEvent'])
  | ({ kind: 'delta' } & Schemas['DeltaEvent'])
  | { kind: 'reset' }
  | { kind: 'end'; message: Message };

export type Outgoing = { agentId: string; userId: string; text: string; key: string };

const AS_EVENTS = { headers: { accept: 'text/event-stream' }, parseAs: 'stream' } as const;
/** A stream, or none where there is nothing more to say. */
type Opened = Promise<{ data?: Response['body'] }>;

const TRIES_IN_A_ROW = 8;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 5_000;

/** Sends a message. Its key makes sure that it is sent once, however often the connection breaks. */
export function sendMessage(outgoing: Outgoing): AsyncGenerator<ReplyEvent> {
  const { agentId, userId, text, key } = outgoing;
  return events(undefined, () =>
    fetchClient.POST('/v1/agents/{agentId}/messages', {
      ...AS_EVENTS,
      params: { path: { agentId }, header: { 'Idempotency-Key': key } },
      body: { userId, text },
    }),
  );
}

/** Follows the reply to a message that has been accepted. */
export function followMessage(messageId: string): AsyncGenerator<ReplyEvent> {
  return events(messageId, () => resume(messageId, undefined));
}

/** Has a message that failed answered once more, and follows the reply. */
export async function* retryMessage(messageId: string): AsyncGenerator<ReplyEvent> {
  await fetchClient.POST('/v1/messages/{messageId}/retry', { params: { path: { messageId } } });
  yield* followMessage(messageId);
}

const resume = (messageId: string, lastId: string | undefined): Opened =>
  fetchClient.GET('/v1/messages/{messageId}/events', {
    ...AS_EVENTS,
    params: {
      path: { messageId },
      header: { ...(lastId !== undefined && { 'Last-Event-ID': lastId }) },
    },
  });

/** The events to the end. A stream that breaks is taken up behind the last event that was seen. */
async function* events(known: string | undefined, open: () => Opened): AsyncGenerator<ReplyEvent> {
  let messageId = known;
  let lastId: string | undefined;
  for (let failed = 0; ; failed += 1) {
    try {
      const { data: stream } =
        messageId !== undefined && lastId !== undefined ? await resume(messageId, lastId) : await open();
      if (!stream) return;
      const reader = stream
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
  // As the API describes the data of its events.
  const body: unknown = JSON.parse(data);
  switch (name) {
    case 'accepted':
      return { kind: 'accepted', ...(body as Schemas['AcceptedEvent']) };
    case 'delta':
      return { kind: 'delta', ...(body as Schemas['DeltaEvent']) };
    case 'reset':
      return { kind: 'reset' };
    case 'done':
    case 'failed':
      return { kind: 'end', message: body as Message };
    default:
      return undefined;
  }
}
