import type { FoundApiKey } from '../db/api-keys.ts';
import { keepNewest } from '../lib/keep-newest.ts';

const MISS_KEPT_MS = 10_000;
const MAX_MISSES = 10_000;

/** Gives what is known of an API key, by its hash; undefined when it opens nothing. */
export type FindKey = (hash: Buffer) => Promise<FoundApiKey | undefined>;

/**
 * Spares the database what was none a moment ago. What it finds is asked for anew each time: a revoked key
 * ends at once.
 */
export function sparingLookup(find: FindKey, now: () => number = Date.now): FindKey {
  const misses = new Map<string, number>();
  return async (hash) => {
    const name = hash.toString('base64');
    if ((misses.get(name) ?? 0) > now()) return undefined;
    const found = await find(hash);
    if (found === undefined) keepNewest(misses, name, now() + MISS_KEPT_MS, MAX_MISSES);
    return found;
  };
}
