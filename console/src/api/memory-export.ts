/** A memory as files. What is longer than a part of an export comes as several, each imported on its own. */
import { fetchClient } from './client.ts';
import type { Scope } from './memory.ts';
import { ProblemError } from './problem.ts';

/** The last line is much shorter. */
const LONGEST_END_BYTES = 4_000;

type Wanted = { scope: Scope; embeddings: boolean; onBytes: (bytes: number) => void };

/**
 * The files of a memory, in their order, until the memory is complete. Throws what the API's client throws,
 * and a `ProblemError` for a file that was cut off. `onBytes` hears of each piece how long it is.
 */
export async function* exportFiles({
  scope,
  embeddings,
  onBytes,
}: Wanted): AsyncGenerator<{ name: string; contents: Blob }> {
  const stem = `memory-of-${scope.userId.replaceAll(/[^\w.-]+/g, '-')}`;
  let cursor: string | null = null;
  let part = 0;
  do {
    const contents = await partAt(cursor, { scope, embeddings, onBytes });
    cursor = await nextCursorOf(contents);
    part += 1;
    const isAll = part === 1 && cursor === null;
    // Of the same width, so that they stand in their order.
    const name = isAll ? `${stem}.jsonl` : `${stem}.part-${String(part).padStart(3, '0')}.jsonl`;
    yield { name, contents };
  } while (cursor !== null);
}

async function partAt(cursor: string | null, { scope, embeddings, onBytes }: Wanted): Promise<Blob> {
  const query = { embeddings: embeddings ? ('true' as const) : ('false' as const) };
  const { data } = await fetchClient.GET('/v1/agents/{agentId}/users/{userId}/memory/export', {
    params: { path: scope, query: cursor === null ? query : { ...query, cursor } },
    parseAs: 'stream',
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
