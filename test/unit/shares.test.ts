import { expect, test } from '@jest/globals';
import { createShares, mostPlaces, type Shares } from '../../src/lib/shares.ts';

/** Takes places until there is none, and says how many. */
function takeAll(shares: Shares, owner: string): number {
  let taken = 0;
  while (shares.take(owner)) taken += 1;
  return taken;
}

test('alone, an owner takes the whole limit', () => {
  expect(takeAll(createShares(12), 'loud')).toBe(12);
});

test('each newcomer finds its share, however much others hold', () => {
  const shares = createShares(12);
  expect(['a', 'b', 'c', 'd'].map((owner) => takeAll(shares, owner))).toEqual([12, 6, 4, 3]);
});

test('who holds more than its share gets no further place until it has given enough back', () => {
  const shares = createShares(4);
  const places = [1, 2, 3, 4].map(() => shares.take('loud'));
  const other = shares.take('quiet');
  places.pop()?.();
  places.pop()?.();
  expect(shares.take('loud')).toBeUndefined();
  places.pop()?.();
  expect(shares.take('loud')).toBeDefined();
  expect(shares.take('loud')).toBeUndefined();
  // Nobody else is there: all of it again.
  other?.();
  expect(takeAll(shares, 'loud')).toBe(2);
});

test('who takes several places gives them back together; one that has none gets what it asks for', () => {
  const shares = createShares(6);
  const four = shares.take('a', 4);
  expect(shares.take('a', 3)).toBeUndefined();
  const two = shares.take('a', 2);
  expect(two).toBeDefined();
  expect(shares.take('b', 5)).toBeDefined();
  expect(shares.take('b')).toBeUndefined();
  four?.();
  expect(shares.take('a', 2)).toBeUndefined();
  expect(takeAll(shares, 'a')).toBe(1);
});

test('a place that is given back twice counts once', () => {
  const shares = createShares(2);
  const place = shares.take('a');
  place?.();
  place?.();
  expect(takeAll(shares, 'a')).toBe(2);
});

test.each([1, 7, 200])('a limit of %i: no order of comers takes more than the most places', (limit) => {
  // Whoever comes takes all that it gets and keeps it, which is the worst order.
  const shares = createShares(limit);
  let taken = 0;
  for (let owner = 0; owner < limit; owner += 1) taken += takeAll(shares, String(owner));
  expect(taken).toBe(mostPlaces(limit));
  expect(shares.take('one more')).toBeUndefined();
});
