/**
 * What a turn costs Temporal's own server in its Postgres, by counts: times depend on the machine. Raise a
 * number only for a good reason.
 */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { eventually } from '../support/eventually.ts';
import { startSystem, type System } from '../support/system.ts';

jest.setTimeout(180_000);

const TURNS = 20;
/** Postgres counts what a connection has done once it is idle for a while; visibility lags a second. */
const COUNTED_AFTER_MS = 12_000;

let system: System;
let temporal: { main: pg.Pool; visibility: pg.Pool };
beforeAll(async () => {
  const connectionString = process.env['DATABASE_TEMPORAL_URL'];
  if (!connectionString) throw new Error('run this by npm run test:cluster');
  const visibility = Object.assign(new URL(connectionString), { pathname: '/temporal_visibility' }).href;
  temporal = {
    main: new pg.Pool({ connectionString, max: 1 }),
    visibility: new pg.Pool({ connectionString: visibility, max: 1 }),
  };
  system = await startSystem();
}, 120_000);
afterAll(async () => {
  await system.stop();
  await Promise.all([temporal.main.end(), temporal.visibility.end()]);
});

/** Rows that were written so far, of a table. */
async function writesTo(pool: pg.Pool, table: string): Promise<number> {
  const { rows } = await pool.query<{ n: string }>(
    'SELECT n_tup_ins + n_tup_upd AS n FROM pg_stat_user_tables WHERE relname = $1',
    [table],
  );
  return Number(rows[0]?.n ?? Number.NaN);
}

/** Each transition of a workflow writes its row once. */
async function counted(): Promise<{ transitions: number; visibilityWrites: number }> {
  await delay(COUNTED_AFTER_MS);
  return {
    transitions: await writesTo(temporal.main, 'executions'),
    visibilityWrites: await writesTo(temporal.visibility, 'executions_visibility'),
  };
}

async function talk(count: number, userId: string): Promise<void> {
  for (let n = 0; n < count; n += 1) expect((await system.say(`Message ${n}.`, { userId })).status).toBe(200);
  await eventually(
    async () => {
      const { rows } = await system.database.admin.query<{ n: number }>(
        'SELECT count(*)::int AS n FROM conversation_embeddings WHERE user_id = $1',
        [userId],
      );
      return rows[0]?.n === 2 * count;
    },
    { timeoutMs: 60_000 },
  );
}

test('a turn takes no more state transitions and visibility writes than these', async () => {
  await talk(2, 'first');
  const before = await counted();
  await talk(TURNS, 'ada');
  const after = await counted();
  const perTurn = {
    transitions: (after.transitions - before.transitions) / TURNS,
    visibilityWrites: (after.visibilityWrites - before.visibilityWrites) / TURNS,
  };
  // HandleMessage and EmbedAndStore together; each is an update of its execution's row.
  expect(perTurn.transitions).toBeLessThanOrEqual(13.5);
  // Start and end of both. One that ends within a second is written once.
  expect(perTurn.visibilityWrites).toBeLessThanOrEqual(4.2);
});
