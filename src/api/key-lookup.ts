import type { FoundApiKey } from '../db/api-keys.ts';

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
    if (found === undefined) {
      misses.delete(name);
      misses.set(name, now() + MISS_KEPT_MS);
      // The oldest goes: a map keeps the order of insertion.
      if (misses.size > MAX_MISSES) misses.delete(misses.keys().next().value ?? '');
    }
    return found;
  };
}
