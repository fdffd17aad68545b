/** Work that lets others have their turns, and ends when nobody waits for it. */
import { expect, test } from '@jest/globals';
import { inTurns, mapInSteps, type InSteps } from '../../src/lib/in-turns.ts';
import { atOnce, countedInEach } from '../support/steps.ts';

const lettersOf = (text: string) => text.length;

test('work that nobody waits for ends before its next step', async () => {
  const abort = new AbortController();
  let steps = 0;
  function* work(): InSteps<string> {
    for (; steps < 10; steps += 1) {
      if (steps === 3) abort.abort(new Error('gone'));
      yield;
    }
    return 'done';
  }
  await expect(inTurns(work(), { tenantId: 'acme', signal: abort.signal })).rejects.toThrow('gone');
  expect(steps).toBe(3);
  await expect(inTurns(work(), { tenantId: 'acme', signal: abort.signal })).rejects.toThrow('gone');
  expect(steps).toBe(3);
  expect(await inTurns(work(), { tenantId: 'acme' })).toBe('done');
});

test('tenants share the thread, however many pieces of work one has', async () => {
  const done: string[] = [];
  function* work(tenantId: string): InSteps<void> {
    for (let step = 0; step < 20; step += 1) {
      const until = performance.now() + 3;
      while (performance.now() < until);
      done.push(tenantId);
      yield;
    }
  }
  const loud = Array.from({ length: 6 }, () => inTurns(work('loud'), { tenantId: 'loud' }));
  await inTurns(work('quiet'), { tenantId: 'quiet' });
  const ofLoud = done.filter((tenantId) => tenantId === 'loud').length;
  // One for one, and what the first six begin with; not six for one.
  expect(ofLoud).toBeLessThan(40);
  await Promise.all(loud);
});

test('items are mapped in steps of so many letters, in their order', () => {
  const items = [4_000, 900, 200, 5_000, 9_000, 0, 0, 1].map((length) => 'x'.repeat(length));
  let mapped = 0;
  const map = (text: string) => ((mapped += 1), text.length);
  expect(atOnce(mapInSteps(items, lettersOf, map))).toEqual(items.map(lettersOf));
  expect(countedInEach(mapInSteps(items, lettersOf, map), () => mapped)).toEqual([2, 1, 1, 1, 3]);
  expect(atOnce(mapInSteps([], lettersOf, map))).toEqual([]);
});
