/** How many of a channel's events may be refused for what a tenant has under way. */
import { expect, test } from '@jest/globals';
import { createRefusals } from '../../src/api/refusals.ts';

const MINUTE = 60_000;
let now = 0;
const clock = () => now;

/** Sends `flood` events a minute that are over their tenant's share, and `quiet` of others, for so long. */
function play(minutes: number, each: { flood: number; quiet: number }) {
  const refusals = createRefusals(clock);
  const counts = { refused: 0, acknowledged: 0 };
  for (let minute = 0; minute < minutes; minute += 1) {
    now += MINUTE;
    for (let i = 0; i < each.quiet + each.flood; i += 1) {
      const isRefused = i >= each.quiet && refusals.mayRefuse();
      refusals.add(isRefused ? 'refused' : 'taken');
      counts[isRefused ? 'refused' : 'acknowledged'] += 1;
    }
  }
  return counts;
}

test('a flood brings about no more failures than there are events that are taken', () => {
  const { refused, acknowledged } = play(240, { flood: 6_000, quiet: 10 });
  expect(refused).toBeGreaterThan(1_000);
  expect(refused).toBeLessThan(1.01 * acknowledged);
});

test('a few refusals among much that is taken all come again', () => {
  expect(play(120, { flood: 10, quiet: 100 })).toEqual({ refused: 1_200, acknowledged: 12_000 });
});

test('what was taken an hour ago pays for nothing', () => {
  const refusals = createRefusals(clock);
  for (let i = 0; i < 1_000; i += 1) refusals.add('taken');
  now += 66 * MINUTE;
  let refused = 0;
  for (; refusals.mayRefuse(); refused += 1) refusals.add('refused');
  expect(refused).toBe(20);
});
