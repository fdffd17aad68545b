/** Whether work grows faster than what it is done on. */
import { expect } from '@jest/globals';

const LENGTHS = [4_000, 8_000, 16_000, 32_000] as const;
/** Below this the clock and the collector decide, not the work. */
const LEAST_MS = 2;

/**
 * Does the work at each length and compares the first with the last: eight times the text may take some
 * twenty times as long, for the machine's sake. What is quadratic takes 64 times as long.
 */
export function expectNoFasterThanLength(
  shape: (length: number) => string,
  work: (text: string) => unknown,
): void {
  work(shape(LENGTHS[0]));
  const [first, , , last] = LENGTHS.map((length) => bestMs(shape(length), work));
  expect((last ?? 0) / Math.max(first ?? 0, LEAST_MS)).toBeLessThan(20);
}

/** The best of some runs. */
function bestMs(text: string, work: (text: string) => unknown): number {
  return Math.min(...Array.from({ length: 3 }, () => costMs(() => work(text))));
}

/** This process's own time for some work: other processes count for nothing. */
export function costMs(work: () => unknown): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}
