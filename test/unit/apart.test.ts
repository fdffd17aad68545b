/** What reads texts apart: late and failing readings cost their own text alone. */
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { GIVEN_UP, type GivenUp } from '../../src/lib/apart.ts';
import { readLetters } from '../support/apart-readers.ts';

jest.setTimeout(60_000);

const OWN = { tenantId: 'a', userId: 'u' };
const OTHER = { tenantId: 'b', userId: 'u' };

const givenUp: GivenUp[] = [];
const note = (message: unknown): void => void givenUp.push(message as GivenUp);
beforeEach(() => GIVEN_UP.subscribe(note));
afterEach(() => {
  GIVEN_UP.unsubscribe(note);
  givenUp.length = 0;
});

test('a text is read on a thread', async () => {
  expect(await readLetters(OWN, { text: 'hello' })).toBe('5 letters');
  expect(givenUp).toEqual([]);
});

test('a reading that hangs is ended, and holds up nobody', async () => {
  let turns = 0;
  const counting = setInterval(() => (turns += 1), 10);
  const hanging = readLetters(OWN, { text: 'hello', poison: 'hang' });
  // Another tenant is read meanwhile.
  expect(await readLetters(OTHER, { text: 'good' })).toBe('4 letters');
  expect(await hanging).toBe('not read');
  clearInterval(counting);
  expect(turns).toBeGreaterThan(20);
  expect(givenUp).toEqual([{ tenantId: 'a', work: 'lettersOf', why: 'late' }]);
  expect(await readLetters(OWN, { text: 'again' })).toBe('5 letters');
});

test('of many that hang, those of others wait for none', async () => {
  const hanging = Array.from({ length: 4 }, () => readLetters(OWN, { text: 'hello', poison: 'hang' }));
  expect(await readLetters(OTHER, { text: 'good' })).toBe('4 letters');
  expect(givenUp).toEqual([]);
  expect(await Promise.all(hanging)).toEqual(hanging.map(() => 'not read'));
});

test('one that fails is told by the name of its error, without the text', async () => {
  expect(await readLetters(OWN, { text: 'secret', poison: 'throw' })).toBe('not read');
  expect(givenUp).toEqual([{ tenantId: 'a', work: 'lettersOf', why: 'RangeError' }]);
});

test('who no longer waits gets no thread', async () => {
  const hanging = readLetters(OWN, { text: 'hello', poison: 'hang' });
  const signal = AbortSignal.timeout(100);
  await expect(readLetters({ ...OWN, signal }, { text: 'late' })).rejects.toMatchObject({
    name: 'TimeoutError',
  });
  await hanging;
});
