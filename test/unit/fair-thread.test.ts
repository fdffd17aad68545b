import { expect, test } from '@jest/globals';
import { createFairThread } from '../../src/lib/fair-thread.ts';

/** A thread whose clock and breaths are the test's. */
function thread() {
  const clock = { ms: 0 };
  const breaths: Array<() => void> = [];
  const done: string[] = [];
  const inTurn = createFairThread(
    () => clock.ms,
    (go) => breaths.push(go),
  );
  const work = (owner: string, name: string, ms: number) =>
    inTurn(owner, () => {
      clock.ms += ms;
      done.push(name);
    });
  /** What is done until the next breath. */
  const breathe = (): string[] => {
    done.length = 0;
    breaths.shift()?.();
    return [...done];
  };
  return { inTurn, work, breathe, done, breaths };
}

test('who is alone waits for nobody, until some milliseconds are spent', () => {
  const { work, breathe, done, breaths } = thread();
  for (let i = 0; i < 8; i += 1) void work('a', `a${i}`, 0.5);
  expect(done).toEqual(['a0', 'a1', 'a2', 'a3']);
  expect(breathe()).toEqual(['a4', 'a5', 'a6', 'a7']);
  expect(breathe()).toEqual([]);
  expect(breaths).toEqual([]);
});

test('one piece at a time, of whoever has taken the least', () => {
  const { work, breathe, done } = thread();
  for (let i = 0; i < 60; i += 1) void work('loud', `loud${i}`, 5);
  void work('quiet', 'first', 1);
  void work('quiet', 'second', 1);
  expect(done).toEqual(['loud0']);
  // The newcomer has taken as little as the loud one had before.
  expect(breathe()).toEqual(['first', 'second']);
  expect([breathe(), breathe()]).toEqual([['loud1'], ['loud2']]);
  void work('quiet', 'third', 1);
  expect(breathe()).toEqual(['third', 'loud3']);
});

test('who comes back after a while has saved up nothing', () => {
  const { work, breathe } = thread();
  void work('quiet', 'early', 1);
  for (let i = 0; i < 40; i += 1) void work('loud', `loud${i}`, 5);
  for (let i = 0; i < 20; i += 1) breathe();
  for (let i = 0; i < 40; i += 1) void work('quiet', `late${i}`, 5);
  const next = [breathe(), breathe(), breathe(), breathe()].flat();
  expect(next.filter((name) => name.startsWith('loud'))).toHaveLength(2);
});

test('what a piece gives, and how it fails, is its caller’s', async () => {
  const { inTurn } = thread();
  const failing = (): number => {
    throw new RangeError('too large');
  };
  expect(await inTurn('a', () => 7)).toBe(7);
  await expect(inTurn('a', failing)).rejects.toThrow('too large');
  expect(await inTurn('a', () => 8)).toBe(8);
});
