/** What reads texts apart: late and failing readings cost whose text it was, and nobody else. */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { MEMORY_WITHIN_MS } from '../../src/domain/timing.ts';
import { GIVEN_UP, PROCESSOR_MS, type GivenUp } from '../../src/lib/apart.ts';
import { readLetters, readLoadedAt } from '../support/apart-readers.ts';
import { readUnloadable } from '../support/apart-unloadable.ts';

jest.setTimeout(60_000);

const owner = (tenantId: string = randomUUID()) => ({ tenantId, userId: randomUUID() });
const HANG = { text: 'secret', poison: 'hang' } as const;

const givenUp: GivenUp[] = [];
const note = (message: unknown): void => void givenUp.push(message as GivenUp);
beforeEach(() => GIVEN_UP.subscribe(note));
afterEach(() => {
  GIVEN_UP.unsubscribe(note);
  givenUp.length = 0;
});

test('a text is read on a thread', async () => {
  expect(await readLetters(owner(), { text: 'hello' })).toBe('5 letters');
  expect(givenUp).toEqual([]);
});

test('a reading that hangs is ended, and holds up nobody', async () => {
  let turns = 0;
  const counting = setInterval(() => (turns += 1), 10);
  const [own, other] = [owner(), owner()];
  const hanging = readLetters(own, HANG);
  // Another tenant is read meanwhile.
  expect(await readLetters(other, { text: 'good' })).toBe('4 letters');
  expect(await hanging).toBe('not read');
  clearInterval(counting);
  expect(turns).toBeGreaterThan(10);
  expect(givenUp).toEqual([{ ...own, work: 'lettersOf', why: 'late' }]);
});

test('of many that hang one alone is tried, and those of others wait for none', async () => {
  const own = owner();
  const hanging = Array.from({ length: 20 }, () => readLetters(own, HANG));
  expect(await readLetters(owner(), { text: 'good' })).toBe('4 letters');
  expect(givenUp).toEqual([]);
  expect(await Promise.all(hanging)).toEqual(hanging.map(() => 'not read'));
  expect(await readLetters(own, { text: 'again' })).toBe('not read');
  expect(givenUp).toHaveLength(1);
});

test('the next user of the same tenant is read, on a thread that is started anew', async () => {
  const own = owner();
  const hanging = readLetters(own, HANG);
  expect(await readLetters(owner(own.tenantId), { text: 'again' })).toBe('5 letters');
  await hanging;
});

test('a thread that was ended is stood in for by one that has its readers, before anybody waits for them', async () => {
  // Both threads have read, and both are ended.
  await Promise.all([readLoadedAt(owner()), readLoadedAt(owner())]);
  await Promise.all([readLetters(owner(), HANG), readLetters(owner(), HANG)]);
  await delay(3_000);
  const askedAt = Date.now();
  for (const loadedAt of await Promise.all([readLoadedAt(owner()), readLoadedAt(owner())]))
    expect(loadedAt).toBeLessThan(askedAt);
});

test('whoever waits behind one that is late has most of the time that memory may take', () => {
  expect(PROCESSOR_MS).toBeLessThanOrEqual(MEMORY_WITHIN_MS / 4);
});

test('one that fails is told by the name of its error, without the text, and the next is read', async () => {
  const own = owner();
  expect(await readLetters(own, { text: 'secret', poison: 'throw' })).toBe('not read');
  expect(givenUp).toEqual([{ ...own, work: 'lettersOf', why: 'RangeError' }]);
  expect(await readLetters(own, { text: 'again' })).toBe('5 letters');
});

test('who no longer waits gets no thread', async () => {
  const own = owner();
  const hanging = readLetters(own, HANG);
  const signal = AbortSignal.timeout(100);
  await expect(readLetters({ ...own, signal }, { text: 'late' })).rejects.toMatchObject({
    name: 'TimeoutError',
  });
  await hanging;
});

// The last: threads that stand in would load this module as well.
test('a thread that ends before it reads says nothing of whose text it was', async () => {
  const own = owner();
  expect(await readUnloadable(own, 'innocent')).toBe(-1);
  expect(givenUp).toEqual([{ ...own, work: 'lengthOf', why: 'the thread has ended' }]);
  expect(await readLetters(own, { text: 'again' })).toBe('5 letters');
});
