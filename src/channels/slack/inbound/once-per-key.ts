import { keepNewest } from '../../../lib/keep-newest.ts';

/** What `work` gave for a key a moment ago, or is about to give, else what it gives now. */
export type OncePerKey<T> = (key: string, work: () => Promise<T>) => Promise<T>;

/** Keeps each result for so long, and so many at most; a failure isn't kept. */
export function createOncePerKey<T>({ keptMs, maxKept }: { keptMs: number; maxKept: number }): OncePerKey<T> {
  const kept = new Map<string, { result: Promise<T>; until: number }>();
  return (key, work) => {
    const old = kept.get(key);
    if (old && old.until > performance.now()) return old.result;
    const result = work();
    keepNewest(kept, key, { result, until: performance.now() + keptMs }, maxKept);
    result.catch(() => kept.delete(key));
    return result;
  };
}
