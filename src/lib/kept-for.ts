/**
 * Gives what `work` gave last, for `ms` after it came, and whoever asks meanwhile waits for it: however many
 * ask, the work is done once at a time. What has failed is done anew for the next.
 */
export function keptFor<T>(ms: number, work: () => Promise<T>): () => Promise<T> {
  let last: { result: Promise<T>; until: number } | undefined;
  return () => {
    if (last && last.until > performance.now()) return last.result;
    const asked = { result: work(), until: Infinity };
    last = asked;
    asked.result.then(
      () => (asked.until = performance.now() + ms),
      () => (asked.until = 0),
    );
    return asked.result;
  };
}

/** The same for each thing that may be asked for. One that is not asked for again is not kept beyond. */
export function keptForEach<T>(ms: number): (name: string, work: () => Promise<T>) => Promise<T> {
  const kept = new Map<string, () => Promise<T>>();
  return (name, work) => {
    const known = kept.get(name);
    if (known) return known();
    const ask = keptFor(ms, work);
    kept.set(name, ask);
    const result = ask();
    const forget = (): void => void setTimeout(() => kept.delete(name), ms).unref();
    result.then(forget, forget);
    return result;
  };
}
