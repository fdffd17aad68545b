/** How many of a channel's events may be refused for what a tenant has under way. */
import { expect, test } from '@jest/globals';
import { createFailures, createRefusals, type Refusals } from '../../src/api/refusals.ts';

const MINUTE = 60_000;
let now = 0;
const clock = () => now;

/** Sends `flood` events a minute that are over a tenant's share, and `taken` of others, for so long. */
function play(refusals: Refusals, minutes: number, each: { flood: number; taken: number; tenant?: string }) {
  const counts = { refused: 0, acknowledged: 0 };
  for (let minute = 0; minute < minutes; minute += 1) {
    now += MINUTE;
    for (let i = 0; i < each.taken + each.flood; i += 1) {
      const isRefused = i >= each.taken && refusals.mayRefuse(each.tenant ?? 'loud');
      if (!isRefused) refusals.taken();
      counts[isRefused ? 'refused' : 'acknowledged'] += 1;
    }
  }
  return counts;
}

test('a flood brings about no more failures than there are events that are taken', () => {
  const { refused, acknowledged } = play(createRefusals(clock), 240, { flood: 6_000, taken: 10 });
  expect(refused).toBeGreaterThan(1_000);
  expect(refused).toBeLessThan(1.01 * acknowledged);
});

test('a few refusals among much that is taken all come again', () => {
  const counts = play(createRefusals(clock), 120, { flood: 10, taken: 100 });
  expect(counts).toEqual({ refused: 1_200, acknowledged: 12_000 });
});

test('whom a flood leaves nothing is still sent its own again', () => {
  const refusals = createRefusals(clock);
  play(refusals, 30, { flood: 6_000, taken: 10 });
  const counts = play(refusals, 30, { flood: 20, taken: 0, tenant: 'quiet' });
  expect(counts).toEqual({ refused: 600, acknowledged: 0 });
});

test('what was taken an hour ago pays for nothing', () => {
  const refusals = createRefusals(clock);
  for (let i = 0; i < 1_000; i += 1) refusals.taken();
  now += 66 * MINUTE;
  let refused = 0;
  while (refusals.mayRefuse('loud')) refused += 1;
  expect(refused).toBe(20);
});

test('a service that fails three tenants, and accepts nobody’s message, is away', () => {
  const failures = createFailures(clock);
  const failed = (...tenants: string[]) => tenants.map((tenant) => failures.failed(tenant));
  expect(failed('a', 'a', 'b', 'b')).toEqual([false, false, false, false]);
  expect(failed('c', 'a')).toEqual([true, true]);
  failures.accepted();
  expect(failed('a', 'b')).toEqual([false, false]);
  // What failed half a minute ago tells nothing of now.
  now += 31_000;
  expect(failed('c', 'c')).toEqual([false, false]);
});
