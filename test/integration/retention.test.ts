/** What a tenant doesn't want to keep goes, and nothing else; nobody can make more of it go. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { MockActivityEnvironment } from '@temporalio/testing';
import type pg from 'pg';
import { createStoreTurn } from '../../src/activities/store-turn.ts';
import { createSweepRetention } from '../../src/activities/sweep-retention.ts';
import { SYSTEM } from '../../src/db/audit.ts';
import { enterErasure } from '../../src/db/erasures.ts';
import { askAboutTurn, enterTurn, type TurnState } from '../../src/db/ledger.ts';
import { createPool } from '../../src/db/pool.ts';
import { inTenant } from '../../src/db/tenant-transaction.ts';
import type { Scope } from '../../src/domain/conversation.ts';
import { appendTurn, getWindow } from '../../src/memory/window/window.ts';
import { memoryShortKey } from '../../src/redis/keys.ts';
import { scheduleSweep, SWEEP_SCHEDULE } from '../../src/temporal/schedules.ts';
import { eventually } from '../support/eventually.ts';
import { memoryOf } from '../support/memory.ts';
import { asRole, createTestTenant, temporalConfig } from '../support/services.ts';
import { AS_OPERATOR, startSystem, type System } from '../support/system.ts';

let system: System;
let worker: pg.Pool;
beforeAll(async () => {
  system = await startSystem();
  const databaseUrl = asRole('worker', system.database.url);
  worker = createPool({ databaseUrl, max: 2, statementTimeoutMs: 10_000 });
});
afterAll(async () => {
  await worker.end();
  await system.stop();
});

const DAY_MS = 24 * 3_600_000;
const daysAgo = (days: number) => new Date(Date.now() - days * DAY_MS).toISOString();
const limit = (tenantId: string, retention: object) =>
  system.request('PATCH', `/v1/tenants/${tenantId}`, { retention }, AS_OPERATOR);
const sweep = () => createSweepRetention({ pool: worker, redis: system.redis }).sweepRetention();

/** A user of whom one exchange and one turn are 40 days old, and one of each is of today. */
async function newUser(): Promise<Scope> {
  const { tenantId, agent } = await createTestTenant(system.database.pool);
  const scope = { tenantId, agentId: agent.id, userId: `ada ${randomUUID()}` };
  const memory = memoryOf({ ...system, pool: system.database.pool }, scope);
  const told = await memory.tell(
    { user: 'old', reply: 'old answer', at: daysAgo(40) },
    { user: 'new', reply: 'new answer', at: daysAgo(0) },
  );
  await system.database.admin.query('DELETE FROM turns WHERE tenant_id = $1', [tenantId]);
  for (const [index, { messageId, text }] of told.entries()) {
    const replyText = `${text} answer`;
    await appendTurn(system.redis, scope, { seq: index + 1, messageId, userText: text, replyText });
  }
  for (const [text, state, days, offered] of [
    ['old', 'done', 40, 40],
    ['old and failed', 'failed', 40, 40],
    ['old and lost', 'accepted', 40, 40],
    ['old and open', 'accepted', 40, 0],
    ['new', 'done', 0, 0],
  ] as const) {
    const entered = await enterTurn(system.database.pool, {
      ...scope,
      text,
      dedupeKey: text,
      threadId: undefined,
    });
    if (!('turn' in entered)) throw new Error(entered.outcome);
    await system.database.admin.query(
      'UPDATE turns SET state = $3, received_at = $4, offered_at = $5 WHERE tenant_id = $1 AND message_id = $2',
      [tenantId, entered.turn.messageId, state, daysAgo(days), daysAgo(offered)],
    );
  }
  return scope;
}

/** What is left of a user, store by store. */
async function leftOf(scope: Scope) {
  const { rows } = await system.database.admin.query<Record<'messages' | 'passages' | 'turns', unknown>>(
    `SELECT (SELECT array_agg(content ORDER BY created_at, role DESC) FROM conversation_embeddings WHERE tenant_id = $1) AS messages,
            (SELECT count(*)::int FROM exchange_passages WHERE tenant_id = $1) AS passages,
            (SELECT array_agg(dedupe_key ORDER BY seq) FROM turns WHERE tenant_id = $1) AS turns`,
    [scope.tenantId],
  );
  const window = await getWindow(system.redis, scope);
  return { ...rows[0], window: window.map(({ content }) => content) };
}

const ALL = {
  messages: ['old', 'old answer', 'new', 'new answer'],
  passages: 2,
  turns: ['old', 'old and failed', 'old and lost', 'old and open', 'new'],
  window: ['old', 'old answer', 'new', 'new answer'],
};
const NEW_MEMORY = {
  messages: ['new', 'new answer'],
  passages: 1,
  window: ['new', 'new answer'],
};

describe('the settings', () => {
  test('keep for ever unless told otherwise, change one by one and go back to for ever', async () => {
    const { tenantId } = await createTestTenant(system.database.pool);
    const asked = await system.request('GET', `/v1/tenants/${tenantId}`, undefined, AS_OPERATOR);
    expect(asked.body['retention']).toEqual({ memoryDays: null, ledgerDays: null });
    await limit(tenantId, { memoryDays: 30 });
    const { body } = await limit(tenantId, { ledgerDays: 90 });
    expect(body['retention']).toEqual({ memoryDays: 30, ledgerDays: 90 });
    await limit(tenantId, { memoryDays: null });
    const again = await limit(tenantId, { ledgerDays: null });
    expect(again.body['retention']).toEqual({ memoryDays: null, ledgerDays: null });
    const { rows } = await worker.query('SELECT tenants_with_retention() AS id');
    expect(rows).not.toContainEqual({ id: tenantId });
  });

  test.each([0, -1, 1.5, 36_501, '30'])('refuse %j days', async (memoryDays) => {
    const { tenantId } = await createTestTenant(system.database.pool);
    const { status, body } = await limit(tenantId, { memoryDays });
    expect([status, body['errors']]).toMatchObject([400, [{ field: 'retention.memoryDays' }]]);
  });
});

describe('a sweep', () => {
  test('deletes old memories with their passages, from the window too, and not the ledger', async () => {
    const scope = await newUser();
    await limit(scope.tenantId, { memoryDays: 30 });
    await sweep();
    expect(await leftOf(scope)).toEqual({ ...ALL, ...NEW_MEMORY });
  });

  test('deletes from the ledger turns that have ended, or whose end is lost, and not those that may run', async () => {
    const scope = await newUser();
    await limit(scope.tenantId, { ledgerDays: 30 });
    await sweep();
    expect(await leftOf(scope)).toEqual({ ...ALL, turns: ['old and open', 'new'] });
  });

  test('writes what it has deleted into the audit log, and nothing when there was nothing', async () => {
    const scope = await newUser();
    await limit(scope.tenantId, { memoryDays: 30, ledgerDays: 30 });
    await sweep();
    await sweep();
    const { rows } = await system.database.admin.query(
      `SELECT actor_type, target_id, outcome, counts FROM audit_entries WHERE tenant_id = $1 AND action = $2`,
      [scope.tenantId, 'retention.sweep'],
    );
    expect(rows).toEqual([
      {
        ...{ actor_type: 'system', target_id: scope.tenantId, outcome: 'done' },
        counts: { exchanges: 1, messages: 2, passages: 1, turns: 3, imports: 0, lines: 0 },
      },
    ]);
  });

  test('leaves turns to an erasure that has yet to forget them, and takes its receipt once that is old', async () => {
    const scope = await newUser();
    const { tenantId } = scope;
    await limit(tenantId, { ledgerDays: 30 });
    const wanted = { ...scope, exchangeId: undefined };
    const entry = await enterErasure(system.database.pool, wanted, SYSTEM);
    if (entry.outcome !== 'entered') throw new Error(entry.outcome);
    const { erasureId } = entry.erasure;
    const { admin } = system.database;
    // Its memories are forgotten: it deletes executions now.
    await admin.query(
      `UPDATE turns SET state = 'done', received_at = $2, offered_at = $2 WHERE message_id = $1`,
      [erasureId, daysAgo(40)],
    );
    await sweep();
    const erasure = `erasure:${erasureId}`;
    expect((await leftOf(scope)).turns).toEqual([...ALL.turns, erasure]);
    const receipt = () => admin.query('SELECT FROM erasures WHERE tenant_id = $1', [tenantId]);
    await inTenant(worker, tenantId, async (client) => {
      for (const step of [
        'SELECT forget_memories($1, 100)',
        'SELECT forget_turns($1, ARRAY(SELECT message_id FROM turns))',
        'SELECT forget_memories($1, 100)',
        `SELECT finish_erasure($1, '{"window": 0}')`,
      ])
        await client.query(step, [erasureId]);
    });
    expect((await receipt()).rowCount).toBe(1);
    await sweep();
    // Of those that are new, or were offered of late.
    expect((await leftOf(scope)).turns).toEqual([1, 2].map(() => expect.stringMatching(/^erased:/)));
    expect((await receipt()).rowCount).toBe(0);
    expect(await enterErasure(system.database.pool, wanted, SYSTEM)).toMatchObject({
      outcome: 'entered',
      erasure: { seq: entry.erasure.seq + 1 },
    });
  });

  test('leaves alone what is younger, and tenants that keep for ever', async () => {
    const [keeps, keepsLonger] = [await newUser(), await newUser()];
    await limit(keepsLonger.tenantId, { memoryDays: 50, ledgerDays: 50 });
    await sweep();
    expect([await leftOf(keeps), await leftOf(keepsLonger)]).toEqual([ALL, ALL]);
  });

  test('leaves an entry whose turn may still be stored or appended, and then a copy of it brings nothing back', async () => {
    const scope = await newUser();
    await limit(scope.tenantId, { memoryDays: 1, ledgerDays: 1 });
    const memory = memoryOf({ ...system, pool: system.database.pool }, scope);
    const [told] = await memory.tell({ user: 'late', reply: 'late answer', at: daysAgo(8) });
    if (!told) throw new Error('nothing was told');
    const turn = { message: told, reply: 'late answer', repliedAt: daysAgo(8), embedding: null };
    const { admin } = system.database;
    const startedDaysAgo = (days: number, state: TurnState) =>
      admin.query('UPDATE turns SET received_at = $2, offered_at = $2, state = $3 WHERE message_id = $1', [
        told.messageId,
        daysAgo(days),
        state,
      ]);
    const { storeTurn } = createStoreTurn({ pool: worker, embedder: system.embedder });
    const stored = async () => {
      await storeTurn({ ...turn, appendOwed: false });
      const { rows } = await admin.query<{ content: string }>(
        `SELECT content FROM conversation_embeddings WHERE exchange_id = $1 ORDER BY role DESC`,
        [told.messageId],
      );
      return rows.map(({ content }) => content);
    };
    const word = () => askAboutTurn(worker, scope.tenantId, told.messageId);

    for (const state of ['refused', 'failed', 'done'] as const) {
      await startedDaysAgo(8, state);
      await sweep();
      expect(await word()).toEqual({ said: { state, mayBeStored: true } });
      expect(await stored()).toEqual(['late', 'late answer']);
    }

    await startedDaysAgo(10, 'done');
    expect(await word()).toEqual({ said: { state: 'done', mayBeStored: false } });
    await admin.query('DELETE FROM conversation_embeddings WHERE exchange_id = $1', [told.messageId]);
    expect(await stored()).toEqual([]);

    await sweep();
    expect(await word()).toEqual({ said: undefined });
    expect(await stored()).toEqual([]);
  });

  test('goes on until nothing is left, a bounded number at a time', async () => {
    const scope = await newUser();
    await limit(scope.tenantId, { ledgerDays: 30 });
    await system.database.admin.query(
      `INSERT INTO turns (tenant_id, message_id, agent_id, user_id, seq, dedupe_key, body_hash, workflow_id, state, received_at, offered_at)
       SELECT $1, gen_random_uuid(), $2, $3, 100 + i, 'many ' || i, '', '', 'done', $4, $4 FROM generate_series(1, 1200) i`,
      [scope.tenantId, scope.agentId, scope.userId, daysAgo(40)],
    );
    const once = await inTenant(worker, scope.tenantId, (client) =>
      client.query<{ turns: number }>('SELECT * FROM sweep_retention(500)'),
    );
    expect(once.rows).toMatchObject([{ turns: 500 }]);
    await sweep();
    expect(await leftOf(scope)).toMatchObject({ turns: ['old and open', 'new'] });
  });
});

test('what is no message in a window hinders no sweep, and a tenant that fails hinders no other', async () => {
  const scope = await newUser();
  await limit(scope.tenantId, { memoryDays: 30 });
  const key = memoryShortKey(scope.tenantId, scope.agentId, scope.userId);
  await system.redis.rpush(key, 'no message');
  await sweep();
  expect(await system.redis.lrange(key, 0, -1)).toHaveLength(3);

  const [broken, sound] = [await newUser(), await newUser()];
  for (const { tenantId } of [broken, sound]) await limit(tenantId, { memoryDays: 30 });
  await system.redis.set(memoryShortKey(broken.tenantId, broken.agentId, broken.userId), 'no list');
  await expect(sweep()).rejects.toThrow(/WRONGTYPE/);
  expect(await leftOf(sound)).toEqual({ ...ALL, ...NEW_MEMORY });
  await limit(broken.tenantId, { memoryDays: null });
});

test('what takes longer than a statement may goes in smaller and smaller parts', async () => {
  const scope = await newUser();
  await limit(scope.tenantId, { ledgerDays: 30 });
  const { admin } = system.database;
  await admin.query(
    `INSERT INTO turns (tenant_id, message_id, agent_id, user_id, seq, dedupe_key, body_hash, workflow_id, state, received_at, offered_at)
     SELECT $1, gen_random_uuid(), $2, $3, 100 + i, 'slow ' || i, '', '', 'done', $4, $4 FROM generate_series(1, 60) i`,
    [scope.tenantId, scope.agentId, scope.userId, daysAgo(40)],
  );
  // Each row takes 30 ms: 60 take longer than the second that a statement has.
  await admin.query(`CREATE FUNCTION take_long() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN PERFORM pg_sleep(0.03); RETURN OLD; END $$`);
  await admin.query(`CREATE TRIGGER take_long BEFORE DELETE ON turns FOR EACH ROW
    WHEN (OLD.dedupe_key LIKE 'slow %') EXECUTE FUNCTION take_long()`);
  const databaseUrl = asRole('worker', system.database.url);
  const hurried = createPool({ databaseUrl, max: 2, statementTimeoutMs: 1_000 });
  try {
    await createSweepRetention({ pool: hurried, redis: system.redis }).sweepRetention();
  } finally {
    await hurried.end();
    await admin.query('DROP TRIGGER take_long ON turns');
    await admin.query('DROP FUNCTION take_long()');
  }
  expect((await leftOf(scope)).turns).toEqual(['old and open', 'new']);
});

test('what is old is found by its age, without reading a tenant whole', async () => {
  const { tenantId, agentId } = await newUser();
  const plan = async (table: string, age: string) => {
    const client = await system.database.admin.connect();
    try {
      await client.query('BEGIN');
      await client.query('SET LOCAL enable_seqscan = off');
      // In an empty table each index is as good.
      await client.query(
        `INSERT INTO turns (tenant_id, message_id, agent_id, user_id, seq, dedupe_key, body_hash, workflow_id, state,
                            received_at)
         SELECT $1, gen_random_uuid(), $2, 'user ' || i, 1, i, '', i, 'done', now() - make_interval(hours => i)
         FROM generate_series(1, 2000) i`,
        [tenantId, agentId],
      );
      await client.query('ANALYZE turns');
      const { rows } = await client.query<{ 'QUERY PLAN': string }>(
        `EXPLAIN SELECT 1 FROM ${table} WHERE tenant_id = '${tenantId}' AND ${age} < now() - interval '30 days' LIMIT 500`,
      );
      return rows.map((row) => row['QUERY PLAN']).join('\n');
    } finally {
      await client.query('ROLLBACK');
      client.release();
    }
  };
  // As the index of a partition is called.
  expect(await plan('conversation_embeddings', 'created_at')).toContain('tenant_id_created_at_idx');
  expect(await plan('turns', 'received_at')).toContain('turns_newest');
});

test('the attempt after a failed one sweeps only the tenants that have failed', async () => {
  const [broken, sound] = [await newUser(), await newUser()];
  for (const { tenantId } of [broken, sound]) await limit(tenantId, { memoryDays: 30 });
  const key = memoryShortKey(broken.tenantId, broken.agentId, broken.userId);
  await system.redis.set(key, 'no list');
  const attempt = (heartbeatDetails?: unknown) => {
    const environment = new MockActivityEnvironment({ heartbeatDetails, startToCloseTimeoutMs: 60_000 });
    const beats: unknown[] = [];
    environment.on('heartbeat', (details: unknown) => beats.push(details));
    const { sweepRetention } = createSweepRetention({ pool: worker, redis: system.redis });
    return { beats, ended: environment.run(sweepRetention) };
  };
  const first = attempt();
  await expect(first.ended).rejects.toThrow(/WRONGTYPE/);
  expect(first.beats.at(-1)).toEqual({ failed: [broken.tenantId] });
  const second = attempt(first.beats.at(-1));
  await expect(second.ended).rejects.toThrow(/WRONGTYPE/);
  expect(second.beats).toEqual([undefined, { failed: [broken.tenantId] }]);
  await system.redis.del(key);
  expect(await attempt(second.beats.at(-1)).ended).toMatchObject({ tenants: 1, exchanges: 1 });
});

test('the schedule runs it', async () => {
  const scope = await newUser();
  await limit(scope.tenantId, { memoryDays: 30, ledgerDays: 30 });
  await scheduleSweep(temporalConfig());
  await scheduleSweep(temporalConfig());
  const schedule = system.temporal.schedule.getHandle(SWEEP_SCHEDULE);
  await schedule.trigger();
  const left = await eventually(
    async () => {
      const now = await leftOf(scope);
      return now.passages === 1 && Array.isArray(now.turns) && now.turns.length === 2 && now;
    },
    { timeoutMs: 60_000 },
  );
  expect(left).toEqual({ ...NEW_MEMORY, turns: ['old and open', 'new'] });
});

describe('the door', () => {
  const as = (pool: pg.Pool, tenantId: string, statement: string) =>
    inTenant(pool, tenantId, (client) => client.query(statement));

  test('deletes nothing of a tenant that keeps for ever, whoever names it', async () => {
    const scope = await newUser();
    const { rows } = await as(worker, scope.tenantId, 'SELECT * FROM sweep_retention(500)');
    expect(rows).toEqual([]);
    expect(await leftOf(scope)).toEqual(ALL);
  });

  test('without a tenant deletes nothing', async () => {
    const { rows } = await worker.query('SELECT * FROM sweep_retention(500)');
    expect(rows).toEqual([]);
  });

  test('is closed to API and operator, and the worker has no other', async () => {
    const { tenantId } = await createTestTenant(system.database.pool);
    const api = createPool({
      databaseUrl: asRole('api', system.database.url),
      max: 1,
      statementTimeoutMs: 5_000,
    });
    for (const pool of [api, system.database.operator]) {
      for (const call of ['sweep_retention(1)', 'tenants_with_retention()'])
        await expect(as(pool, tenantId, `SELECT ${call}`)).rejects.toThrow(/permission denied/);
    }
    await api.end();
    for (const table of ['conversation_embeddings', 'exchange_passages', 'turns', 'memory_imports'])
      await expect(as(worker, tenantId, `DELETE FROM ${table}`)).rejects.toThrow(/permission denied/);
    await expect(as(worker, tenantId, 'UPDATE tenants SET settings = NULL')).rejects.toThrow(
      /permission denied/,
    );
  });
});
