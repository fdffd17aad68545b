/** How long a migration waits for a table, whatever those before it took. */
import { afterEach, expect, jest, test } from '@jest/globals';
import type pg from 'pg';
import { createPatience } from '../../src/db/migration-locks.ts';

const GIVES_UP_AFTER_MS = 60_000;
const client = { query: async () => ({ rows: [] }) } as unknown as pg.Client;
const refusal = Object.assign(new Error('lock'), { code: '55P03' });

let now = 0;
const patient = () => {
  jest.spyOn(Date, 'now').mockImplementation(() => now);
  const patience = { lockWithinMs: 1, againAfterMs: 1, givesUpAfterMs: GIVES_UP_AFTER_MS };
  return createPatience(client, { log: () => undefined, patience });
};
afterEach(() => void jest.restoreAllMocks());

/** A migration that takes so long, refused or not, and is refused so often. */
function migration(tookMs: number, refusals: number) {
  const tried = { times: 0 };
  const migrate = async (): Promise<void> => {
    now += tookMs;
    tried.times += 1;
    if (tried.times <= refusals) throw refusal;
  };
  return { migrate, tried };
}

test('a migration that takes long leaves the next one its time, and one may take long before it is refused', async () => {
  const onceFree = await patient();
  await onceFree(migration(10 * GIVES_UP_AFTER_MS, 0).migrate);
  for (const { migrate, tried } of [migration(1_000, 3), migration(1_000, 3)]) {
    await onceFree(migrate);
    expect(tried.times).toBe(4);
  }
  const late = migration(10 * GIVES_UP_AFTER_MS, 1);
  await onceFree(late.migrate);
  expect(late.tried.times).toBe(2);
});

test('it gives up once the time since its first refusal is over', async () => {
  const onceFree = await patient();
  const { migrate, tried } = migration(GIVES_UP_AFTER_MS / 3, Infinity);
  await expect(onceFree(migrate)).rejects.toThrow('a migration needs a table that is in use');
  expect(tried.times).toBe(4);
});
