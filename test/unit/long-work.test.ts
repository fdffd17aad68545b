/** Pieces of long work leave twice their time to all else; what a process stood still for is no such time. */
import { afterEach, expect, jest, test } from '@jest/globals';

const rests: number[] = [];
jest.unstable_mockModule('node:timers/promises', () => ({
  setTimeout: async (ms: number) => void rests.push(ms),
}));
const { createLongWork } = await import('../../src/lib/long-work.ts');

const OWNER = { tenantId: 't', userId: 'u' };

afterEach(() => void jest.restoreAllMocks());

test.each([
  ['of a millisecond', 1, 2],
  ['of two megabytes of JSON', 166, 332],
  ['in which the process stood still for an hour', 3_600_000, 600],
])('after a piece %s (%d ms) the next one waits for %d ms', async (_, tookMs, restMs) => {
  rests.length = 0;
  let now = 0;
  jest.spyOn(performance, 'now').mockImplementation(() => now);
  const longWork = createLongWork();
  const first = longWork(OWNER, undefined, () => {
    now += tookMs;
    return 'first';
  });
  const second = longWork(OWNER, undefined, () => rests.slice());
  expect(await Promise.all([first, second])).toEqual(['first', [restMs]]);
});
