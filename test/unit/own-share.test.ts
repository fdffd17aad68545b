/** Whose doing it is that a request gets no connection: its tenant's own, or an outage. */
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { toProblem } from '../../src/api/problems.ts';
import { createPool, inShare, MOST_WAITING, waitsForShare } from '../../src/db/pool.ts';
import { reach, setbackOf } from '../../src/intake/availability.ts';

const PLACES = 2;
/** No connection is opened: what would need one never begins to. */
const newPool = () =>
  createPool({
    databaseUrl: 'postgres://nobody@localhost:1/none',
    max: 4,
    ofOneTenant: PLACES,
    statementTimeoutMs: 1,
  });
const forEver = () => new Promise<never>(() => undefined);

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

/** A pool whose share one tenant has taken, with work that ends when it is told to. */
async function takenBy(tenantId: string) {
  const pool = newPool();
  const works = Array.from({ length: PLACES }, () => Promise.withResolvers<undefined>());
  const ended = works.map(({ promise }) => inShare(pool, tenantId, () => promise));
  await jest.advanceTimersByTimeAsync(0);
  const end = async (): Promise<void> => {
    for (const { resolve } of works) resolve(undefined);
    await Promise.all(ended);
  };
  return { pool, end };
}

const failureOf = (work: Promise<unknown>): Promise<unknown> => work.catch((error: unknown) => error);

const OVER_SHARE = { kind: 'over-share', retryAfterMs: 1_000 };

test('a wait for the own share that is too long is no outage: over HTTP, a 429 of the share', async () => {
  const { pool } = await takenBy('loud');
  const late = failureOf(inShare(pool, 'loud', forEver));
  await jest.advanceTimersByTimeAsync(2_000);
  expect(setbackOf(await late)).toEqual(OVER_SHARE);
  expect(toProblem(await late)).toMatchObject({
    status: 429,
    headers: { 'Retry-After': '1' },
    members: { limit: 'share' },
  });
});

test('so is a deadline that passes meanwhile, and whoever asks hears of the share first', async () => {
  const { pool } = await takenBy('loud');
  const of = { pool, tenantId: 'loud' };
  for (const withinMs of [500, 2_000]) {
    const late = failureOf(reach('The database', Date.now() + withinMs, inShare(pool, 'loud', forEver), of));
    await jest.advanceTimersByTimeAsync(2_000);
    expect(setbackOf(await late)).toEqual(OVER_SHARE);
  }
  // As a look-up of its key does, which does not know whose it is.
  const unknown = failureOf(reach('The database', Date.now() + 2_000, inShare(pool, 'loud', forEver)));
  await jest.advanceTimersByTimeAsync(2_000);
  expect(setbackOf(await unknown)).toEqual(OVER_SHARE);
});

test('a tenant whose share has room waits for the database: that is an outage', async () => {
  const { pool } = await takenBy('loud');
  void failureOf(inShare(pool, 'loud', forEver));
  const of = { pool, tenantId: 'quiet' };
  const late = failureOf(reach('The database', Date.now() + 500, inShare(pool, 'quiet', forEver), of));
  await jest.advanceTimersByTimeAsync(501);
  expect(setbackOf(await late)).toEqual({ kind: 'unavailable', service: 'The database' });
});

test('whoever has come in, or has given up, waits no more', async () => {
  const { pool, end } = await takenBy('loud');
  expect(waitsForShare(pool, 'loud')).toBe(false);
  const late = failureOf(inShare(pool, 'loud', forEver));
  expect([waitsForShare(pool, 'loud'), waitsForShare(pool, 'quiet')]).toEqual([true, false]);
  await jest.advanceTimersByTimeAsync(2_000);
  await late;
  expect(waitsForShare(pool, 'loud')).toBe(false);
  const next = inShare(pool, 'loud', async () => waitsForShare(pool, 'loud'));
  expect(waitsForShare(pool, 'loud')).toBe(true);
  await end();
  expect(await next).toBe(false);
});

test('of too many that wait the next is told at once, and others’ are not', async () => {
  const { pool, end } = await takenBy('loud');
  const waiting = Array.from({ length: MOST_WAITING + 100 }, () =>
    failureOf(inShare(pool, 'loud', async () => 'done')),
  );
  const over = await Promise.all(waiting.slice(MOST_WAITING));
  expect(over.map(setbackOf)).toEqual(Array<unknown>(100).fill(OVER_SHARE));
  expect(await inShare(pool, 'quiet', async () => 'done')).toBe('done');
  await end();
  expect(await Promise.all(waiting.slice(0, MOST_WAITING))).toEqual(Array<string>(MOST_WAITING).fill('done'));
});
