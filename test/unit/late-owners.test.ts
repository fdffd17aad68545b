/** Whose texts are read by nobody for a while. */
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { createLateOwners } from '../../src/lib/late-owners.ts';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const of = (userId: string, tenantId = 'a') => ({ tenantId, userId });

test('it is the user, for a minute', () => {
  const late = createLateOwners();
  late.add(of('u'));
  expect([of('u'), of('v'), of('u', 'b')].map(late.holds)).toEqual([true, false, false]);
  jest.advanceTimersByTime(60_001);
  expect(late.holds(of('u'))).toBe(false);
});

test('with three users it is the tenant: a key can name any number of them', () => {
  const late = createLateOwners();
  for (const user of ['u', 'v', 'u']) late.add(of(user));
  expect(late.holds(of('x'))).toBe(false);
  late.add(of('w'));
  expect([of('x'), of('u', 'b')].map(late.holds)).toEqual([true, false]);
  jest.advanceTimersByTime(60_001);
  expect(late.holds(of('x'))).toBe(false);
});

test('three in as many minutes are no flood', () => {
  const late = createLateOwners();
  for (const user of ['u', 'v', 'w']) {
    late.add(of(user));
    jest.advanceTimersByTime(60_001);
  }
  expect(late.holds(of('x'))).toBe(false);
});

test('of very many the oldest are let go', () => {
  const late = createLateOwners();
  for (let n = 0; n <= 1_000; n += 1) late.add(of('u', `t${n}`));
  expect([late.holds(of('u', 't0')), late.holds(of('u', 't1000'))]).toEqual([false, true]);
});
