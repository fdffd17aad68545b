import type { InSteps } from '../../lib/in-turns.ts';

/** Places that are given best first. Only what is taken is sorted: sorting all takes too long. */
export type BestFirst = {
  /** How many there were. */
  count: number;
  /** The best one that is left, of equals the newest. */
  take: () => number | undefined;
};

/** Places that are put into a heap in one step: a millisecond. */
const SUNK_IN_ONE_GO = 5_000;

/** Gives some places best first, by their totals. They stand in a heap, none better than the one above it. */
export function* bestFirst(places: readonly number[], totals: Float64Array): InSteps<BestFirst> {
  const heap = new Int32Array(places);
  let left = heap.length;
  const isBetter = (a: number, b: number): boolean => {
    const ahead = (totals[a] ?? 0) - (totals[b] ?? 0);
    return ahead > 0 || (ahead === 0 && a > b);
  };
  /** Puts a place where index `free` is, or below it. */
  const sink = (place: number, free: number): void => {
    let i = free;
    for (let child = 2 * i + 1; child < left; child = 2 * i + 1) {
      if (child + 1 < left && isBetter(heap[child + 1] ?? 0, heap[child] ?? 0)) child += 1;
      const below = heap[child] ?? 0;
      if (!isBetter(below, place)) break;
      heap[i] = below;
      i = child;
    }
    heap[i] = place;
  };
  for (let i = (left >> 1) - 1; i >= 0; i -= 1) {
    sink(heap[i] ?? 0, i);
    if (i > 0 && i % SUNK_IN_ONE_GO === 0) yield;
  }
  const take = (): number | undefined => {
    if (left === 0) return undefined;
    const best = heap[0];
    left -= 1;
    sink(heap[left] ?? 0, 0);
    return best;
  };
  return { count: heap.length, take };
}
