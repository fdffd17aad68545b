/** A reader of server-sent events, as a browser's EventSource is one, but for coming back by itself. */
import { EventSourceParserStream } from 'eventsource-parser/stream';
import { eventually } from './eventually.ts';

export type SeenEvent = { id: string; name: string; data: Record<string, unknown> };

export type EventReader = {
  status: number;
  headers: Headers;
  seen: SeenEvent[];
  /** Resolves when the stream has ended or broken. */
  ended: Promise<void>;
  /** Resolves when this many events, or one of this name, have been seen. */
  sees(what: number | string): Promise<void>;
  drop(): void;
};

export async function readEvents(url: string, init: RequestInit = {}): Promise<EventReader> {
  const gone = new AbortController();
  const response = await fetch(url, {
    ...init,
    headers: { accept: 'text/event-stream', ...Object.fromEntries(new Headers(init.headers)) },
    signal: gone.signal,
  });
  const seen: SeenEvent[] = [];
  const read = async (): Promise<void> => {
    if (!response.body || !response.headers.get('content-type')?.includes('event-stream')) return;
    const events = response.body
      .pipeThrough(new TextDecoderStream())
      .pipeThrough(new EventSourceParserStream());
    for await (const { id = '', event = '', data } of events) {
      seen.push({ id, name: event, data: JSON.parse(data) as SeenEvent['data'] });
    }
  };
  return {
    status: response.status,
    headers: response.headers,
    seen,
    ended: read().catch(() => undefined),
    async sees(what) {
      const isThere = () =>
        typeof what === 'number' ? seen.length >= what : seen.some(({ name }) => name === what);
      await eventually(isThere, { timeoutMs: 60_000, what: `an event ${what}` });
    },
    drop: () => gone.abort(),
  };
}

/** The text that a reader has after these events, of one connection or of several. */
export function textOf(events: readonly SeenEvent[]): string {
  let text = '';
  for (const { name, data } of events) {
    if (name === 'reset') text = '';
    if (name === 'delta') text += String(data['text']);
  }
  return text;
}

export const namesOf = (events: readonly SeenEvent[]): string[] => [
  // Deltas that follow each other are one: how many they are is chance.
  ...events.map(({ name }) => name).filter((name, i, all) => name !== 'delta' || all[i - 1] !== 'delta'),
];
