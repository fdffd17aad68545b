import { setTimeout as pause } from 'node:timers/promises';
import { expect, jest, test } from '@jest/globals';
import type pg from 'pg';
import { connections } from '../../src/config/database.ts';
import { askLedger } from '../../src/db/ask-ledger.ts';
import { createPool, inShare } from '../../src/db/pool.ts';

const TENANT = '11111111-1111-4111-8111-111111111111';
const OTHER = '22222222-2222-4222-8222-222222222222';

/** A pool of the default size whose connections answer as `answer` does, and how many are in use at most. */
function poolThat(answer: (text: string) => Promise<unknown>) {
  const { ofOneTenant } = connections.parse({});
  const pool = createPool({
    databaseUrl: 'postgres://x:y@127.0.0.1:1/z',
    max: 20,
    ofOneTenant,
    statementTimeoutMs: 10_000,
  });
  const used = { now: 0, most: 0 };
  const client = {
    on: () => undefined,
    off: () => undefined,
    release: () => (used.now -= 1),
    query: (query: string | { text: string }) => answer(typeof query === 'string' ? query : query.text),
  };
  const connect = (): Promise<typeof client> => {
    used.now += 1;
    used.most = Math.max(used.most, used.now);
    return Promise.resolve(client);
  };
  Object.assign(pool, { connect });
  return { pool, used, ofOneTenant };
}

const ask = (pool: pg.Pool, tenantId = TENANT, withinMs = 100) =>
  askLedger(pool, tenantId, (client) => client.query('SELECT'), withinMs);
const count = (heard: unknown[], wanted: unknown) => heard.filter((one) => one === wanted).length;

test('a tenant whose connections are all taken is told all the same', async () => {
  const { pool, ofOneTenant } = poolThat(() => Promise.resolve({ rows: [] }));
  const end = Promise.withResolvers<null>();
  const held = Array.from({ length: ofOneTenant }, () => inShare(pool, TENANT, () => end.promise));
  expect(await ask(pool)).toEqual({ said: { rows: [] } });
  end.resolve(null);
  await Promise.all(held);
});

test('hundreds that ask at once are all told, over three connections', async () => {
  const { pool, used } = poolThat(() => pause(1));
  const heard = await Promise.all(Array.from({ length: 200 }, () => ask(pool)));
  expect(count(heard, 'away')).toBe(0);
  expect(used.most).toBe(3);
});

test('a Postgres that says nothing is away, for those who wait for it and for who comes then', async () => {
  const end = Promise.withResolvers<null>();
  const { pool, used } = poolThat(() => end.promise);
  const heard = await Promise.all(Array.from({ length: 50 }, (_, i) => ask(pool, i % 2 ? OTHER : TENANT)));
  expect(count(heard, 'away')).toBe(50);
  expect(await ask(pool)).toBe('away');
  expect(used.most).toBeLessThanOrEqual(3);
  end.resolve(null);
  await pause(10);
  expect(await ask(pool)).not.toBe('away');
});

test.each([
  ['refuses connections', 'ECONNREFUSED', 'away'],
  ['shuts down', '57P01', 'away'],
  ['can’t be reached', 'EHOSTUNREACH', 'away'],
  ['has another certificate', 'CERT_HAS_EXPIRED', 'away'],
  ['knows no such password', '28P01', 'away'],
  ['has no space left', '53100', 'away'],
  ['only reads', '25006', 'away'],
  ['ends an idle transaction', '25P03', 'rejected'],
  ['has a deadlock', '40P01', 'rejected'],
  ['has a row locked', '55P03', 'rejected'],
  ['ends a statement that takes too long', '57014', 'rejected'],
  ['knows no such table', '42P01', 'rejected'],
])('a Postgres that %s (%s): %s', async (_, code, wanted) => {
  const { pool } = poolThat(() => Promise.reject(Object.assign(new Error('no'), { code })));
  expect(await ask(pool).catch(() => 'rejected')).toBe(wanted);
});

test('what is heard by a process that stood still is no word of Postgres: it rejects', async () => {
  const now = jest.spyOn(performance, 'now');
  const { pool } = poolThat(() => {
    now.mockReturnValue(performance.now() + 60_000);
    return Promise.reject(new Error('Query read timeout'));
  });
  await expect(ask(pool)).rejects.toThrow('Query read timeout');
  now.mockRestore();
});

test('an error of ours is no word of Postgres: it rejects', async () => {
  const { pool } = poolThat(() => Promise.reject(new TypeError('x is not a function')));
  await expect(ask(pool)).rejects.toThrow(TypeError);
});

test('a thread that is busy for longer than the answer may take reads it all the same', async () => {
  const { pool } = poolThat(() => pause(1));
  const asked = ask(pool);
  for (let turn = 0; turn < 3; turn += 1) {
    const until = performance.now() + 150;
    while (performance.now() < until);
    await pause(0);
  }
  expect(await asked).not.toBe('away');
});
