/** What `work` gave for a key a moment ago, or is about to give, else what it gives now. */
export type OncePerKey<T> = (key: string, work: () => Promise<T>) => Promise<T>;

/** Keeps each result for so long, and so many at most; a failure isn't kept. */
export function createOncePerKey<T>({ keptMs, maxKept }: { keptMs: number; maxKept: number }): OncePerKey<T> {
  const kept = new Map<string, { result: Promise<T>; until: number }>();
  return (key, work) => {
    const old = kept.get(key);
    if (old && old.until > Date.now()) return old.result;
    const result = work();
    kept.delete(key);
    kept.set(key, { result, until: Date.now() + keptMs });
    result.catch(() => kept.delete(key));
    // The oldest goes: a map keeps the order of insertion.
    if (kept.size > maxKept) kept.delete(kept.keys().next().value ?? '');
    return result;
  };
}
