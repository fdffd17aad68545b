/** What never came to its end goes with what is old, and so does when somebody was last heard. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import type pg from 'pg';
import { createSweepRetention } from '../../src/activities/sweep-retention.ts';
import { createPool } from '../../src/db/pool.ts';
import { inTenant } from '../../src/db/tenant-transaction.ts';
import { sweepTenant } from '../../src/memory/long-term/retention.ts';
import { beginTry, finishImport, nextLines } from '../../src/memory/transfer/staged-imports.ts';
import { asRole, createTestTenant } from '../support/services.ts';
import { startSystem, type System } from '../support/system.ts';

let system: System;
let worker: pg.Pool;
beforeAll(async () => {
  system = await startSystem();
  worker = createPool({
    databaseUrl: asRole('worker', system.database.url),
    max: 2,
    statementTimeoutMs: 10_000,
  });
});
afterAll(async () => {
  await worker.end();
  await system.stop();
});

const run = <Row extends pg.QueryResultRow>(text: string, values: unknown[]) =>
  system.database.admin.query<Row>(text, values);
const sweep = () => createSweepRetention({ pool: worker, redis: system.redis }).sweepRetention();

type Place = { tenantId: string; agentId: string };
async function newTenant(retention: { memoryDays?: number; ledgerDays?: number }): Promise<Place> {
  const { tenantId, agent } = await createTestTenant(system.database.pool);
  await run('UPDATE tenants SET settings = $2 WHERE id = $1', [tenantId, { retention }]);
  return { tenantId, agentId: agent.id };
}

/** An import of so many lines that nobody goes on with. */
async function stage({ tenantId, agentId }: Place, days: number, lines = 3) {
  const importId = randomUUID();
  await run(
    `INSERT INTO memory_imports (tenant_id, id, agent_id, user_id, exchanges, window_messages, created_at)
     VALUES ($1, $2, $3, 'ada', $4, '[]', now() - make_interval(days => $5))`,
    [tenantId, importId, agentId, lines, days],
  );
  await run(
    `INSERT INTO memory_import_lines (tenant_id, import_id, line, exchange_id, content)
     SELECT $1, $2, i, gen_random_uuid(), '{}' FROM generate_series(1, $3::int) i`,
    [tenantId, importId, lines],
  );
  return { tenantId, importId };
}

/** What is left of a tenant's imports. */
async function importsOf(tenantId: string) {
  const { rows } = await run(
    `SELECT failed, finished_at IS NOT NULL AS "isOver", window_messages AS "window",
            (SELECT count(*)::int FROM memory_import_lines l
             WHERE l.tenant_id = i.tenant_id AND l.import_id = i.id) AS lines
     FROM memory_imports i WHERE tenant_id = $1`,
    [tenantId],
  );
  return rows;
}
const UNTOUCHED = { failed: false, isOver: false, window: '[]', lines: 3 };
const FAILED = { failed: true, isOver: true, window: null, lines: 0 };

test('an import that never ended has failed when it is old, and its words are gone', async () => {
  const place = await newTenant({ memoryDays: 30 });
  const key = await stage(place, 40);
  await sweep();
  expect(await importsOf(place.tenantId)).toEqual([FAILED]);
  const { rows } = await run(
    `SELECT counts FROM audit_entries WHERE tenant_id = $1 AND action = 'retention.sweep'`,
    [place.tenantId],
  );
  expect(rows).toEqual([{ counts: expect.objectContaining({ lines: 3, imports: 0 }) }]);
  // A workflow that turns up even so finds nothing to do.
  expect(await beginTry(worker, key)).toBe(false);
  expect(await nextLines(worker, key)).toEqual([]);
  const given: string[] = [];
  expect(await finishImport(worker, key, async (window) => void given.push(window))).toBe(true);
  expect(given).toEqual([]);
});

test('it goes whole where the ledger keeps nothing that old', async () => {
  const place = await newTenant({ ledgerDays: 30 });
  await stage(place, 40);
  await sweep();
  expect(await importsOf(place.tenantId)).toEqual([]);
});

test('it stays while it may still run, and where nothing is that old', async () => {
  const [hasty, slow] = [
    await newTenant({ memoryDays: 1, ledgerDays: 1 }),
    await newTenant({ memoryDays: 50 }),
  ];
  await stage(hasty, 8);
  await stage(slow, 40);
  await sweep();
  expect(await importsOf(hasty.tenantId)).toEqual([UNTOUCHED]);
  expect(await importsOf(slow.tenantId)).toEqual([UNTOUCHED]);
});

test('it has ended before its lines go, some at a time', async () => {
  const place = await newTenant({ memoryDays: 30, ledgerDays: 30 });
  const key = await stage(place, 40, 25);
  const sweepSome = () =>
    inTenant(worker, place.tenantId, (client) => client.query('SELECT * FROM sweep_retention(10)'));
  await sweepSome();
  expect(await importsOf(place.tenantId)).toEqual([{ ...FAILED, lines: 15 }]);
  // Nor does a workflow begin a slice of it.
  expect(await beginTry(worker, key)).toBe(false);
  await sweepSome();
  expect(await importsOf(place.tenantId)).toEqual([{ ...FAILED, lines: 5 }]);
  await sweepSome();
  expect(await importsOf(place.tenantId)).toEqual([]);
});

test('an import that has ended is as old as its end', async () => {
  const place = await newTenant({ ledgerDays: 1 });
  for (const endedHoursAgo of [1, 40]) {
    const { importId } = await stage(place, 3, 0);
    await run(
      'UPDATE memory_imports SET finished_at = now() - make_interval(hours => $2), window_messages = NULL WHERE id = $1',
      [importId, endedHoursAgo],
    );
  }
  await sweep();
  expect(await importsOf(place.tenantId)).toEqual([{ ...FAILED, failed: false }]);
});

const DAY = 'make_interval(days => 1)';
/** When a user of an agent was last heard: how many days ago, or never. */
async function heardOf({ tenantId }: Place): Promise<Record<string, string | undefined>> {
  const { rows } = await run<{ user: string; heard: string }>(
    `SELECT user_id AS user, CASE active_at WHEN 'epoch' THEN 'never' ELSE 'known' END AS heard
     FROM scopes WHERE tenant_id = $1 ORDER BY 1`,
    [tenantId],
  );
  return Object.fromEntries(rows.map(({ user, heard }) => [user, heard]));
}

async function hear({ tenantId, agentId }: Place, user: string, days: number): Promise<void> {
  await run(
    `INSERT INTO scopes (tenant_id, agent_id, user_id, last_seq, active_at)
     VALUES ($1, $2, $3, 1, now() - $4 * ${DAY})`,
    [tenantId, agentId, user, days],
  );
  await run(
    `INSERT INTO turns (tenant_id, message_id, agent_id, user_id, seq, dedupe_key, body_hash, workflow_id, state,
                        received_at, offered_at)
     VALUES ($1, gen_random_uuid(), $2, $3, 1, $3, '', '', 'done', now() - $4 * ${DAY}, now() - $4 * ${DAY})`,
    [tenantId, agentId, user, days],
  );
}
const remember = ({ tenantId, agentId }: Place, user: string, days: number) =>
  run(
    `INSERT INTO conversation_embeddings (tenant_id, agent_id, user_id, exchange_id, role, content, embedding, created_at)
     VALUES ($1, $2, $3, gen_random_uuid(), 'user', 'Hello', $5::vector, now() - $4 * ${DAY})`,
    [tenantId, agentId, user, days, `[1${',0'.repeat(383)}]`],
  );

test('of a user of whom nothing is left it is not kept when they were heard, and their number stays', async () => {
  const place = await newTenant({ memoryDays: 30, ledgerDays: 30 });
  for (const user of ['gone', 'remembered']) await hear(place, user, 40);
  await hear(place, 'heard', 1);
  await remember(place, 'gone', 40);
  await remember(place, 'remembered', 1);
  await sweep();
  expect(await heardOf(place)).toEqual({ gone: 'never', remembered: 'known', heard: 'known' });
  const { rows } = await run('SELECT last_seq FROM scopes WHERE tenant_id = $1', [place.tenantId]);
  expect(rows).toEqual([{ last_seq: '1' }, { last_seq: '1' }, { last_seq: '1' }]);
});

test('it is kept where a memory or a ledger is kept for ever', async () => {
  const places = [await newTenant({ memoryDays: 30 }), await newTenant({ ledgerDays: 30 })];
  for (const place of places) {
    await hear(place, 'ada', 40);
    await remember(place, 'ada', 40);
  }
  await sweep();
  for (const place of places) expect(await heardOf(place)).toEqual({ ada: 'known' });
});

test('a sweep reads no users who were heard of late, and passes by whoever is heard now', async () => {
  const place = await newTenant({ memoryDays: 30, ledgerDays: 30 });
  await run(
    `INSERT INTO scopes (tenant_id, agent_id, user_id, last_seq, active_at)
     SELECT $1, $2, i, 1, CASE WHEN i <= 20 THEN now() - 40 * ${DAY} ELSE now() END FROM generate_series(1, 5000) i`,
    [place.tenantId, place.agentId],
  );
  await system.database.admin.query('ANALYZE scopes');
  const message = await system.database.admin.connect();
  await message.query('BEGIN');
  await message.query(`UPDATE scopes SET active_at = now() WHERE tenant_id = $1 AND user_id = '7'`, [
    place.tenantId,
  ]);
  const read = await inTenant(worker, place.tenantId, async (client) => {
    await client.query('SELECT * FROM sweep_retention(500)');
    const { rows } = await client.query<{ read: number }>(
      `SELECT (seq_tup_read + idx_tup_fetch)::int AS read FROM pg_stat_xact_user_tables WHERE relname = 'scopes'`,
    );
    return rows[0]?.read;
  });
  await message.query('COMMIT');
  message.release();
  expect(read).toBeLessThan(100);
  const heard = await heardOf(place);
  expect(heard['7']).toBe('known');
  expect(Object.values(heard).filter((when) => when === 'never')).toHaveLength(19);
});

test('a sweep that is to end looks at no further window, and what it had begun is still there', async () => {
  const place = await newTenant({ memoryDays: 30 });
  for (const user of ['ada', 'bob', 'cleo']) await remember(place, user, 40);
  const end = new AbortController();
  const windows = jest.spyOn(system.redis, 'lrange').mockImplementation(() => {
    end.abort(new Error('the worker stops'));
    return Promise.resolve([]);
  });
  const services = { pool: worker, redis: system.redis };
  await expect(sweepTenant(services, place.tenantId, end.signal)).rejects.toThrow('the worker stops');
  expect(windows).toHaveBeenCalledTimes(1);
  windows.mockRestore();
  expect(await sweepTenant(services, place.tenantId)).toMatchObject({ exchanges: 3 });
});
