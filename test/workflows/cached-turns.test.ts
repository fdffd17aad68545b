/** Turns that wait for their models can't fill the heap of the worker that has them in its cache. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { cachedTurns, KEPT_BY_A_TURN } from '../../src/worker/workers.ts';

const GIB = 2 ** 30;
const PROGRAM = fileURLToPath(new URL('../support/turn-heap.mjs', import.meta.url));

test('a turn of the longest texts keeps its message, its agent and what was recalled, but no prompt', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', PROGRAM, '30']);
  const bytes = Number(stdout);
  expect(bytes).toBeGreaterThan(100_000);
  expect(bytes).toBeLessThan(KEPT_BY_A_TURN);
});

test.each([GIB / 4, GIB, 4 * GIB])(
  'a cache full of them fills half of a heap of %d bytes at most',
  (heap) => {
    expect(cachedTurns(heap) * KEPT_BY_A_TURN).toBeLessThanOrEqual(heap / 2);
    // What a worker has at work at a time stays in memory.
    expect(cachedTurns(heap)).toBeGreaterThan(250);
  },
);
