/** What a sweep reads of the ledger, and what it leaves that is tried again at that moment. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type pg from 'pg';
import { createPool } from '../../src/db/pool.ts';
import { inTenant } from '../../src/db/tenant-transaction.ts';
import { eventually } from '../support/eventually.ts';
import { asRole, createTestDatabase, createTestTenant, type TestDatabase } from '../support/services.ts';

let database: TestDatabase;
let worker: pg.Pool;
beforeAll(async () => {
  database = await createTestDatabase();
  worker = createPool({ databaseUrl: asRole('worker', database.url), max: 2, statementTimeoutMs: 10_000 });
});
afterAll(async () => {
  await worker.end();
  await database.drop();
});

/** A tenant that keeps its ledger for so many days. */
async function newTenant(ledgerDays: number) {
  const { tenantId, agent } = await createTestTenant(database.pool);
  await database.admin.query(`UPDATE tenants SET settings = $2 WHERE id = $1`, [
    tenantId,
    { retention: { ledgerDays } },
  ]);
  return { tenantId, agentId: agent.id };
}

type Turns = { count: number; receivedDaysAgo: number; offeredDaysAgo?: number };
const enter = (
  { tenantId, agentId }: { tenantId: string; agentId: string },
  { count, receivedDaysAgo, offeredDaysAgo = receivedDaysAgo }: Turns,
) =>
  database.admin.query(
    `INSERT INTO turns (tenant_id, message_id, agent_id, user_id, seq, dedupe_key, body_hash, workflow_id, state,
                        received_at, offered_at)
     SELECT $1, gen_random_uuid(), $2, 'ada', $4 * 100000 + i, $4 || ' ' || i, '', '', 'done',
            now() - make_interval(days => $4), now() - make_interval(days => $5)
     FROM generate_series(1, $3::int) i`,
    [tenantId, agentId, count, receivedDaysAgo, offeredDaysAgo],
  );

/** How many rows of the ledger a sweep has deleted, and how many it has read for that. */
const sweep = (tenantId: string) =>
  inTenant(worker, tenantId, async (client) => {
    const swept = await client.query<{ turns: number }>('SELECT * FROM sweep_retention(500)');
    const { rows } = await client.query<{ read: number }>(
      `SELECT (seq_tup_read + idx_tup_fetch)::int AS read FROM pg_stat_xact_user_tables WHERE relname = 'turns'`,
    );
    return { deleted: swept.rows.reduce((sum, { turns }) => sum + turns, 0), read: rows[0]?.read };
  });

const left = async (tenantId: string): Promise<number | undefined> => {
  const { rows } = await database.admin.query<{ count: number }>(
    'SELECT count(*)::int AS count FROM turns WHERE tenant_id = $1',
    [tenantId],
  );
  return rows[0]?.count;
};

test('turns that are kept since their steps may run are not read, however many there are', async () => {
  const tenant = await newTenant(1);
  await enter(tenant, { count: 5_000, receivedDaysAgo: 3 });
  await enter(tenant, { count: 10, receivedDaysAgo: 20, offeredDaysAgo: 3 });
  await enter(tenant, { count: 20, receivedDaysAgo: 10 });
  await database.admin.query('ANALYZE turns');
  const { deleted, read } = await sweep(tenant.tenantId);
  expect(deleted).toBe(20);
  expect(read).toBeLessThan(100);
  expect(await left(tenant.tenantId)).toBe(5_010);
});

test.each<[string, string]>([
  ['is tried again', `offered_at = now()`],
  ['is open again', `state = 'accepted', offered_at = now()`],
])('a turn that %s while a sweep waits for its row keeps it', async (_, change) => {
  const tenant = await newTenant(1);
  await enter(tenant, { count: 2, receivedDaysAgo: 20 });
  const retry = await database.admin.connect();
  await retry.query('BEGIN');
  await retry.query(`UPDATE turns SET ${change} WHERE tenant_id = $1 AND dedupe_key = '20 1'`, [
    tenant.tenantId,
  ]);
  const sweeping = sweep(tenant.tenantId);
  await eventually(async () => {
    const { rowCount } = await database.admin.query(
      `SELECT FROM pg_stat_activity
       WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%sweep_retention%'`,
    );
    return rowCount === 1;
  });
  await retry.query('COMMIT');
  retry.release();
  expect((await sweeping).deleted).toBe(1);
  expect(await left(tenant.tenantId)).toBe(1);
});
