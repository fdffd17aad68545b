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
