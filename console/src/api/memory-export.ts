/** A memory as files. What is longer than a part of an export comes as several, each imported on its own. */
import { fetchClient } from './client.ts';
import type { Scope } from './memory.ts';
import { asProblem, ProblemError } from './problem.ts';

/** The last line is much shorter. */
const LONGEST_END_BYTES = 4_000;

/** How often a part is asked for: all before it would be for nothing. */
const TRIES = 5;
/** Between two of them, where the API doesn't say how long. */
const PAUSE_MS = 5_000;

type Wanted = {
  scope: Scope;
  embeddings: boolean;
  /** Hears of each piece how long it is, and takes it back (below 0) where the part comes anew. */
  onBytes: (bytes: number) => void;
  signal: AbortSignal;
};

/**
 * The files of a memory, in their order, until the memory is complete. A part that doesn't come is asked for
 * again, a few times. Then it throws what the API's client throws, and a `ProblemError` for a file that was
 * cut off; the signal's reason when that is aborted.
 */
export async function* exportFiles(wanted: Wanted): AsyncGenerator<{ name: string; contents: Blob }> {
  const { scope } = wanted;
  const stem = `memory-of-${scope.userId.replaceAll(/[^\w.-]+/g, '-')}`;
  let cursor: string | null = null;
  let part = 0;
  do {
    const { contents, nextCursor } = await surePartAt(cursor, wanted);
    cursor = nextCursor;
    part += 1;
    const isAll = part === 1 && cursor === null;
    // Of the same width, so that they stand in their order.
    const name = isAll ? `${stem}.jsonl` : `${stem}.part-${String(part).padStart(3, '0')}.jsonl`;
    yield { name, contents };
  } while (cursor !== null);
}

type Part = { contents: Blob; nextCursor: string | null };

async function surePartAt(cursor: string | null, wanted: Wanted): Promise<Part> {
  const { signal } = wanted;
  for (let tries = 1; ; tries += 1) {
    let bytes = 0;
    const onBytes = (more: number) => {
      bytes += more;
      wanted.onBytes(more);
    };
    try {
      const contents = await partAt(cursor, { ...wanted, onBytes });
      return { contents, nextCursor: await nextCursorOf(contents) };
    } catch (error) {
      signal.throwIfAborted();
      const { status = 503, retryAfterMs = PAUSE_MS } = asProblem(error);
      if (tries === TRIES || (status < 500 && status !== 429)) throw error;
      wanted.onBytes(-bytes);
      await pause(retryAfterMs, signal);
    }
  }
}

/** Rejects with the signal's reason as soon as that is aborted. */
const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    });
  });

async function partAt(cursor: string | null, { scope, embeddings, onBytes, signal }: Wanted): Promise<Blob> {
  const query = { embeddings: embeddings ? ('true' as const) : ('false' as const) };
  const { data } = await fetchClient.GET('/v1/agents/{agentId}/users/{userId}/memory/export', {
    params: { path: scope, query: cursor === null ? query : { ...query, cursor } },
    parseAs: 'stream',
    signal,
  });
  return data ? new Response(data.pipeThrough(counting(onBytes))).blob() : new Blob([]);
}

function counting(onBytes: (bytes: number) => void): TransformStream<Uint8Array, Uint8Array> {
  return new TransformStream({
    transform(piece, controller) {
      onBytes(piece.length);
      controller.enqueue(piece);
    },
  });
}

/** Where the next part begins; null when there is none. */
async function nextCursorOf(part: Blob): Promise<string | null> {
  const tail = await part.slice(-LONGEST_END_BYTES).text();
  try {
    const end: unknown = JSON.parse(tail.trimEnd().split('\n').at(-1) ?? '');
    const { type, nextCursor } = Object(end) as { type?: unknown; nextCursor?: unknown };
    if (type === 'end' && (typeof nextCursor === 'string' || nextCursor === null)) return nextCursor;
  } catch {
    // A line that was cut off is no JSON.
  }
  throw new ProblemError({
    title: 'Cut off',
    detail: 'The file ended before its last line. Download it again.',
    errors: [],
  });
}
