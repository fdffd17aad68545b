/** Turns that wait for their models can't fill the memory of the worker that has them in its cache. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { cachedTurns, KEPT_BY_A_TURN } from '../../src/worker/workers.ts';
import { temporalConfig } from '../support/services.ts';

const GIB = 2 ** 30;
const program = (name: string) => fileURLToPath(new URL(`../support/${name}`, import.meta.url));
const bytesOf = async (name: string, ...args: string[]): Promise<number> => {
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', program(name), ...args]);
  // The SDK's core may say something before.
  return Number(stdout.trim().split('\n').at(-1));
};

test('a turn of the longest texts keeps its message, its agent and what was recalled, but no prompt', async () => {
  const bytes = await bytesOf('turn-heap.mjs', '30');
  expect(bytes).toBeGreaterThan(100_000);
  expect(bytes).toBeLessThan(500_000);
});

test('what it keeps of the process is bounded, in the core of the SDK too', async () => {
  const { address, namespace } = temporalConfig();
  const bytes = await bytesOf('turn-memory.ts', '40', address, namespace);
  expect(bytes).toBeGreaterThan(500_000);
  expect(bytes).toBeLessThan(KEPT_BY_A_TURN);
});

test.each([GIB / 2, 2 * GIB, 4 * GIB])('a cache full of them fills a third of %d bytes at most', (memory) => {
  expect(cachedTurns(memory) * KEPT_BY_A_TURN).toBeLessThanOrEqual(memory / 3);
  expect(cachedTurns(memory)).toBeGreaterThan(25);
});

test('what a worker of the chart has at work at a time stays in memory', () => {
  expect(cachedTurns(4 * GIB)).toBeGreaterThan(200);
});
