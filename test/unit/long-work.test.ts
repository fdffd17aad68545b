/** Pieces of long work leave twice their time to all else; what a process stood still for is no such time. */
import { afterEach, expect, jest, test } from '@jest/globals';
import { createLongWork } from '../../src/lib/long-work.ts';

const OWNER = { tenantId: 't', userId: 'u' };

afterEach(() => void jest.restoreAllMocks());

test('after a piece in which the process stood still for an hour, the next one comes at once', async () => {
  let now = 0;
  jest.spyOn(performance, 'now').mockImplementation(() => now);
  const longWork = createLongWork();
  const first = longWork(OWNER, undefined, () => {
    now += 3_600_000;
    return 'first';
  });
  const second = longWork(OWNER, undefined, () => 'second');
  expect(await Promise.all([first, second])).toEqual(['first', 'second']);
});
