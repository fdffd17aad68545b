/** The steps of an erasure by themselves, where Postgres ends what takes too long. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import type { Client } from '@temporalio/client';
import { MockActivityEnvironment } from '@temporalio/testing';
import { Redis } from 'ioredis';
import { createForget } from '../../src/activities/forget.ts';
import { createAgent } from '../../src/db/agents.ts';
import { enterErasure } from '../../src/db/erasures.ts';
import { giveFeedback } from '../../src/db/feedback.ts';
import { enterTurn } from '../../src/db/ledger.ts';
import { createPool } from '../../src/db/pool.ts';
import { inTenant } from '../../src/db/tenant-transaction.ts';
import type { InboundMessage, Scope } from '../../src/domain/conversation.ts';
import { ERASURE_CHANNEL } from '../../src/domain/erasure.ts';
import { stageImport, stageLines } from '../../src/memory/transfer/staged-imports.ts';
import { storeEmbedding } from '../../src/memory/long-term/memories.ts';
import { NO_KEYS } from '../../src/config/index.ts';
import {
  forgetDirectThreads,
  noteDirectThread,
  THREAD_KEPT_SECONDS,
} from '../../src/redis/direct-threads.ts';
import { appendTurn } from '../../src/memory/window/window.ts';
import { noteSize } from '../../src/memory/window/window-sizes.ts';
import * as keys from '../../src/redis/keys.ts';
import { lazyClient } from '../../src/temporal/connection.ts';
import { axis } from '../support/embeddings.ts';
import {
  asRole,
  connectRedis,
  createTestDatabase,
  createTestTenant,
  temporalConfig,
  type TestDatabase,
} from '../support/services.ts';

jest.setTimeout(120_000);

let database: TestDatabase;
let redis: Redis;
let temporal: Client;
beforeAll(async () => {
  [database, redis] = await Promise.all([createTestDatabase(), connectRedis()]);
  temporal = lazyClient(temporalConfig(), NO_KEYS);
});
afterAll(async () => {
  redis.disconnect();
  await Promise.all([database.drop(), temporal.connection.close()]);
});

/** Enters an erasure of a scope, and gives the message that its steps get. */
async function erasureOf(scope: Scope): Promise<InboundMessage> {
  const entry = await enterErasure(database.pool, { ...scope, exchangeId: undefined }, { type: 'operator' });
  if (entry.outcome !== 'entered') throw new Error(entry.outcome);
  const { erasureId, seq } = entry.erasure;
  return {
    ...{ ...scope, messageId: erasureId, seq, turnsAhead: 0, text: '' },
    channel: { name: ERASURE_CHANNEL },
    receivedAt: new Date().toISOString(),
  };
}

/** Whose each key of Redis is. A new one needs its line here; one that names a user or a thread, its end. */
const OF: Record<Exclude<keyof typeof keys, 'keysOfTenant'>, 'scope' | 'user' | 'thread' | 'other'> = {
  memoryShortKey: 'scope',
  windowSizesKey: 'scope',
  memoryErasedKey: 'scope',
  directThreadsKey: 'scope',
  rateLimitKey: 'user',
  busyNoticeKey: 'user',
  promptsShownKey: 'user',
  sessionKey: 'thread',
  engagedThreadKey: 'thread',
  stoppedThreadKey: 'thread',
  escalationStatusKey: 'thread',
  pendingToolConfirmKey: 'thread',
  // Of a message, which goes with its turn or soon; of a tenant.
  idempotencyKey: 'other',
  replyPiecesKey: 'other',
  unrecordedPostsKey: 'other',
  tenantRateLimitKey: 'other',
  tenantReadLimitKey: 'other',
};

test('no key is left that names who is forgotten, nor a thread of theirs alone, where no turn can come late', async () => {
  const { tenantId, agent } = await createTestTenant(database.pool);
  const scope = { tenantId, agentId: agent.id, userId: 'slack:T1:UADA' };
  const threadId = 'slack:T1:D1:1.2';
  const constructors: Record<string, (...ids: string[]) => string> = keys;
  const nameOf = {
    scope: [scope.agentId, scope.userId],
    user: [scope.userId],
    thread: [threadId],
    other: ['another'],
  };
  expect(Object.keys(OF).toSorted()).toEqual(
    Object.keys(keys)
      .filter((name) => name !== 'keysOfTenant')
      .toSorted(),
  );
  await noteDirectThread(redis, scope, threadId);
  const own: string[] = [];
  for (const [name, kind] of Object.entries(OF)) {
    const key = constructors[name]?.(tenantId, ...nameOf[kind]) ?? '';
    if (kind === 'other') own.push(key);
    // The one comes with an erasure of turns, the other is there.
    if (name === 'memoryErasedKey' || name === 'directThreadsKey') continue;
    if (name === 'memoryShortKey') await redis.rpush(key, JSON.stringify({ role: 'user', content: 'x' }));
    else if (name === 'windowSizesKey') await noteSize(redis, scope);
    else await redis.set(key, '1');
  }
  expect(await redis.keys(keys.keysOfTenant(tenantId))).toHaveLength(Object.keys(OF).length - 1);
  const message = await erasureOf(scope);
  const { forgetMemory } = createForget({ pool: database.pool, redis, temporal });
  await new MockActivityEnvironment().run(forgetMemory, { message });
  expect((await redis.keys(keys.keysOfTenant(tenantId))).toSorted()).toEqual(own.toSorted());
});

test('an attempt that finds no Redis lets no turn begin with what is to go, and the next one removes it all', async () => {
  const { tenantId, agent } = await createTestTenant(database.pool);
  const scope = { tenantId, agentId: agent.id, userId: 'slack:T1:UADA' };
  const threadId = 'slack:T1:D1:1.2';
  const enter = async (dedupeKey: string) => {
    const entry = await enterTurn(database.pool, { ...scope, dedupeKey, text: 'my secret', threadId });
    if (entry.outcome !== 'new') throw new Error(entry.outcome);
    return entry;
  };
  const { turn } = await enter('before');
  const told = { seq: turn.seq, messageId: turn.messageId, userText: 'my secret', replyText: 'noted' };
  await appendTurn(redis, scope, told);
  await noteDirectThread(redis, scope, threadId);
  await redis.set(keys.promptsShownKey(tenantId, scope.userId), '1');
  const message = await erasureOf(scope);
  const away = new Redis({ port: 1, enableOfflineQueue: false, lazyConnect: true });
  const attempt = (client: Redis) => {
    const { forgetMemory } = createForget({ pool: database.pool, redis: client, temporal });
    return new MockActivityEnvironment().run(forgetMemory, { message });
  };
  await expect(attempt(away)).rejects.toThrow();
  expect((await enter('after')).ahead.count).toBe(2);
  expect(await attempt(redis)).toEqual({ window: 2, keys: 2 });
  expect((await enter('later')).ahead.count).toBe(1);
  const kept = keys.memoryErasedKey(tenantId, scope.agentId, scope.userId);
  expect(await redis.keys(keys.keysOfTenant(tenantId))).toEqual([kept]);
  expect(await appendTurn(redis, scope, told)).toBe(false);
});

test('the threads of somebody who has written in many are forgotten some at a time, with a sign of life', async () => {
  const { tenantId, agent } = await createTestTenant(database.pool);
  const scope = { tenantId, agentId: agent.id, userId: 'slack:T1:UADA' };
  const threads = Array.from({ length: 450 }, (_, nth) => `slack:T1:D1:${nth}`);
  const list = keys.directThreadsKey(tenantId, agent.id, scope.userId);
  await redis.zadd(
    list,
    ...threads.flatMap((threadId) => [String(Math.floor(Date.now() / 1_000)), threadId]),
  );
  await Promise.all(threads.map((threadId) => redis.set(keys.sessionKey(tenantId, threadId), '1')));
  let beats = 0;
  expect(await forgetDirectThreads(redis, scope, () => (beats += 1))).toBe(451);
  expect(beats).toBeGreaterThanOrEqual(5);
  expect(await redis.keys(keys.keysOfTenant(tenantId))).toEqual([]);
});

test('a thread in which nobody has written for as long as marks are kept is noted no longer', async () => {
  const scope = { tenantId: randomUUID(), agentId: randomUUID(), userId: 'slack:T1:UADA' };
  const list = keys.directThreadsKey(scope.tenantId, scope.agentId, scope.userId);
  await redis.zadd(list, String(Math.floor(Date.now() / 1_000) - THREAD_KEPT_SECONDS - 1), 'slack:T1:D1:1.1');
  await noteDirectThread(redis, scope, 'slack:T1:D1:1.2');
  expect(await redis.zrange(list, '0', '-1')).toEqual(['slack:T1:D1:1.2']);
});

test('memories that can’t be deleted within a statement’s time go in smaller parts', async () => {
  const { pool: api, admin, url } = database;
  const { tenantId, agent } = await createTestTenant(api);
  const scope = { tenantId, agentId: agent.id, userId: 'ada' };
  for (let i = 0; i < 40; i += 1)
    await storeEmbedding(api, { ...scope, content: `memory ${i}`, role: 'user', embedding: axis(i) });
  // Each row takes a while to delete, all of them together more than a statement may take.
  await admin.query(`
    CREATE FUNCTION delete_slowly() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN PERFORM pg_sleep(0.05); RETURN OLD; END $$;
    CREATE TRIGGER slowly BEFORE DELETE ON conversation_embeddings FOR EACH ROW EXECUTE FUNCTION delete_slowly()`);
  const message = await erasureOf(scope);
  const worker = createPool({
    databaseUrl: asRole('worker', url),
    max: 2,
    statementTimeoutMs: 1_000,
  });
  const { forgetMemory } = createForget({ pool: worker, redis, temporal });
  await new MockActivityEnvironment().run(forgetMemory, { message });
  const { rows } = await admin.query('SELECT FROM conversation_embeddings WHERE tenant_id = $1', [tenantId]);
  expect(rows).toEqual([]);
  const { rows: steps } = await admin.query<{ counts: { memories: number } }>(
    `SELECT counts FROM audit_entries WHERE target_id = $1 AND action = 'memory.delete'`,
    [message.messageId],
  );
  expect(steps.length).toBeGreaterThan(1);
  expect(steps.reduce((sum, { counts }) => sum + counts.memories, 0)).toBe(40);
  await worker.end();
});

test('what was imported and can’t be deleted within a statement’s time goes in smaller parts', async () => {
  const { pool: api, admin, url } = database;
  const { tenantId, agent } = await createTestTenant(api);
  const scope = { tenantId, agentId: agent.id, userId: 'ada' };
  const importId = randomUUID();
  const lines = Array.from({ length: 40 }, (_, line) => ({ line, exchangeId: randomUUID(), content: 'x' }));
  await inTenant(api, tenantId, async (client) => {
    await stageLines(client, { tenantId, importId }, lines);
    await stageImport(client, importId, scope, { exchanges: 40, windowMessages: null });
  });
  // Each line takes a while to delete, all of them together more than a statement may take.
  await admin.query(`
    CREATE FUNCTION delete_line_slowly() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN PERFORM pg_sleep(0.05); RETURN OLD; END $$;
    CREATE TRIGGER slowly BEFORE DELETE ON memory_import_lines FOR EACH ROW EXECUTE FUNCTION delete_line_slowly()`);
  const message = await erasureOf(scope);
  const worker = createPool({
    databaseUrl: asRole('worker', url),
    max: 2,
    statementTimeoutMs: 1_000,
  });
  const { forgetMemory } = createForget({ pool: worker, redis, temporal });
  await new MockActivityEnvironment().run(forgetMemory, { message });
  const { rows } = await admin.query(
    `SELECT tenant_id FROM memory_import_lines WHERE tenant_id = $1
     UNION ALL SELECT tenant_id FROM memory_imports WHERE tenant_id = $1`,
    [tenantId],
  );
  expect(rows).toEqual([]);
  const { rows: steps } = await admin.query<{ counts: { imports: number; lines: number } }>(
    `SELECT counts FROM audit_entries WHERE target_id = $1 AND action = 'import.delete'`,
    [message.messageId],
  );
  expect(steps.length).toBeGreaterThan(1);
  expect(steps.reduce((sum, { counts }) => sum + counts.lines, 0)).toBe(40);
  expect(steps.reduce((sum, { counts }) => sum + counts.imports, 0)).toBe(1);
  await worker.end();
});

test('one exchange is forgotten without reading the others of its scope', async () => {
  const { pool } = database;
  const { tenantId, agent } = await createTestTenant(pool);
  const scope = { tenantId, agentId: agent.id, userId: 'ada' };
  const exchangeIds = Array.from({ length: 300 }, () => randomUUID());
  for (const [i, exchangeId] of exchangeIds.entries())
    await storeEmbedding(pool, {
      ...{ ...scope, exchangeId, content: `memory ${i}`, role: 'user' },
      embedding: axis(i),
    });
  await database.admin.query('ANALYZE conversation_embeddings, exchange_passages');
  const wanted = { ...scope, exchangeId: exchangeIds[150] };
  const entry = await enterErasure(pool, wanted, { type: 'operator' });
  if (entry.outcome !== 'entered') throw new Error(entry.outcome);
  const { erasureId } = entry.erasure;
  const { changed, read } = await inTenant(pool, tenantId, async (client) => {
    const forgotten = await client.query<{ changed: string }>('SELECT forget_memories($1, 1000) AS changed', [
      erasureId,
    ]);
    const { rows } = await client.query<{ read: string }>(
      'SELECT sum(seq_tup_read + idx_tup_fetch) AS read FROM pg_stat_xact_user_tables',
    );
    return { changed: Number(forgotten.rows[0]?.changed), read: Number(rows[0]?.read) };
  });
  expect(changed).toBe(2);
  expect(read).toBeLessThan(50);
});

test('what somebody thought of replies to others is forgotten with them, by this agent and until then', async () => {
  const { pool, admin } = database;
  const { tenantId, agent } = await createTestTenant(pool);
  const second = await inTenant(pool, tenantId, (client) =>
    createAgent(client, tenantId, randomUUID(), { name: 'Second' }),
  );
  const userId = 'slack:T1:UADA "\\ä😀';
  const replyTo = async (agentId: string) => {
    const message = {
      tenantId,
      agentId,
      userId: 'ben',
      text: 'Hi',
      dedupeKey: undefined,
      threadId: undefined,
    };
    const entered = await enterTurn(pool, message);
    if (entered.outcome !== 'new') throw new Error(entered.outcome);
    return entered.turn.messageId;
  };
  const give = (messageId: string, by: string) =>
    giveFeedback(pool, { tenantId, messageId, userId: by, isGood: false });
  const [first, later, others] = [await replyTo(agent.id), await replyTo(agent.id), await replyTo(second.id)];
  for (const messageId of [first, others]) await give(messageId, userId);
  await give(first, 'carl');
  const message = await erasureOf({ tenantId, agentId: agent.id, userId });
  await give(later, userId);
  const { forgetMemory } = createForget({ pool, redis, temporal });
  await new MockActivityEnvironment().run(forgetMemory, { message });
  const { rows } = await admin.query<{ message_id: string }>(
    'SELECT message_id FROM feedback WHERE tenant_id = $1 ORDER BY created_at',
    [tenantId],
  );
  // Of Carl on the first; on the other agent's; and what came after the request.
  expect(rows.map(({ message_id: of }) => of)).toEqual([others, first, later]);
  const { rows: steps } = await admin.query(
    `SELECT counts FROM audit_entries WHERE target_id = $1 AND action = 'feedback.delete'`,
    [message.messageId],
  );
  expect(steps).toEqual([{ counts: { given: 1 } }]);
});

test('asked for in turns, one exchange and all of a scope are two erasures, until something is said', async () => {
  const { pool } = database;
  const { tenantId, agent } = await createTestTenant(pool);
  const scope = { tenantId, agentId: agent.id, userId: 'ada' };
  const say = async () => {
    const entered = await enterTurn(pool, {
      ...scope,
      dedupeKey: undefined,
      text: 'Hi',
      threadId: undefined,
    });
    if (entered.outcome !== 'new') throw new Error(entered.outcome);
    return entered.turn.messageId;
  };
  const exchangeId = await say();
  const ask = async (wanted: string | undefined) => {
    const entry = await enterErasure(pool, { ...scope, exchangeId: wanted }, { type: 'operator' });
    if (entry.outcome !== 'entered') throw new Error(entry.outcome);
    return entry.erasure.erasureId;
  };
  const asked = [];
  for (let i = 0; i < 10; i += 1) asked.push(await ask(exchangeId), await ask(undefined));
  expect(new Set(asked).size).toBe(2);
  // That of all is for the one exchange as well.
  expect(new Set(asked.slice(1)).size).toBe(1);
  await say();
  expect(asked).not.toContain(await ask(undefined));
});
