import { createHash } from 'node:crypto';
import { looksLikeApiKey, type FoundApiKey } from '../db/api-keys.ts';

const MISS_KEPT_MS = 10_000;
const MAX_MISSES = 10_000;

/** Gives what is known of an API key; undefined when it opens nothing. */
export type FindKey = (apiKey: string) => Promise<FoundApiKey | undefined>;

/**
 * Spares the database what can't be a key, and what was none a moment ago. What it finds is asked for anew
 * each time: a revoked key ends at once.
 */
export function sparingLookup(find: FindKey, now: () => number = Date.now): FindKey {
  const misses = new Map<string, number>();
  return async (apiKey) => {
    if (!looksLikeApiKey(apiKey)) return undefined;
    const hash = createHash('sha256').update(apiKey).digest('base64');
    if ((misses.get(hash) ?? 0) > now()) return undefined;
    const found = await find(apiKey);
    if (found === undefined) {
      misses.delete(hash);
      misses.set(hash, now() + MISS_KEPT_MS);
      // The oldest goes: a map keeps the order of insertion.
      if (misses.size > MAX_MISSES) misses.delete(misses.keys().next().value ?? '');
    }
    return found;
  };
}
