/** The least of the values that were added in the last `forMs` at least, and twice as long at most. */
export function createLeastOf(forMs: number): { add(value: number): void; get(): number } {
  let since = performance.now();
  let before = Number.POSITIVE_INFINITY;
  let least = Number.POSITIVE_INFINITY;
  return {
    add(value) {
      if (performance.now() - since > forMs) {
        since = performance.now();
        before = least;
        least = Number.POSITIVE_INFINITY;
      }
      least = Math.min(least, value);
    },
    get: () => Math.min(before, least),
  };
}
