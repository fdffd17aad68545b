/** Steps that give the model much to read do so in slices: others wait for their places. */
import type { Embed } from '../long-term/exchange-passages.ts';
import type { Embedder } from './embedder.ts';
import { ROW_PLACES } from './model-process.ts';
import type { EmbedRequest } from './model-queue.ts';

/** The model's queue takes a bounded number of texts of a tenant, and its messages need room there too. */
export const EXCHANGES_AT_ONCE = 8;
const GROUP_CHARACTERS = 4_000;
/**
 * A slice that has given the model so much to read is full: after some ten seconds, or thirty when its last
 * exchange is one of the longest.
 */
const SLICE_TOKENS = 30_000;

/** Counts what a step gives the model to read. */
export function beginSlice(embedder: Embedder): {
  embedFor(request: EmbedRequest): Embed;
  isFull(): boolean;
} {
  let tokens = 0;
  return {
    isFull: () => tokens >= SLICE_TOKENS,
    embedFor: (request) => ({
      tenantId: request.tenantId,
      embed: (text) => {
        tokens += mostTokensOf(text);
        return embedder.embed(text, request);
      },
      embedParts: (parts) => {
        tokens += parts.reduce((sum, part) => sum + mostTokensOf(part), 0);
        return embedder.embedParts(parts, request);
      },
    }),
  };
}

/** The most tokens that the model can make of a text, and has room for. */
const mostTokensOf = (text: string): number => Math.min(ROW_PLACES, Buffer.byteLength(text) + 2);

/** Exchanges that are embedded together, in their order: several short ones, or one long one. */
export function inGroups<T>(exchanges: readonly T[], lengthOf: (exchange: T) => number): T[][] {
  const groups: T[][] = [];
  let characters = Infinity;
  for (const exchange of exchanges) {
    const length = lengthOf(exchange);
    const last = groups.at(-1);
    if (last && last.length < EXCHANGES_AT_ONCE && characters + length <= GROUP_CHARACTERS) {
      last.push(exchange);
      characters += length;
    } else {
      groups.push([exchange]);
      characters = length;
    }
  }
  return groups;
}
