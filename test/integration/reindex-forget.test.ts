/** What is forgotten, swept or removed while a reindex is at work on it stays away, whoever comes first. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { MockActivityEnvironment } from '@temporalio/testing';
import { createReindex } from '../../src/activities/reindex.ts';
import { enterErasure, forgetSomeMemories } from '../../src/db/erasures.ts';
import { enterReindex } from '../../src/db/reindexes.ts';
import { enterTenantRemoval, removeSomeRows } from '../../src/db/tenant-removals.ts';
import { inTenant } from '../../src/db/tenant-transaction.ts';
import { updateTenant } from '../../src/db/tenants.ts';
import type { Scope } from '../../src/domain/conversation.ts';
import { FAILURE } from '../../src/domain/failures.ts';
import type { ReindexKey } from '../../src/domain/reindex.ts';
import type { Embedder } from '../../src/memory/embedding/embedder.ts';
import { DERIVED_VERSION } from '../../src/memory/long-term/derived-version.ts';
import { derivedOf } from '../../src/memory/long-term/derive.ts';
import { insertExchange } from '../../src/memory/long-term/exchange-passages.ts';
import { readExchanges } from '../../src/memory/long-term/renew-passages.ts';
import { sweepTenant } from '../../src/memory/long-term/retention.ts';
import { hashEmbedder } from '../support/embeddings.ts';
import { eventually } from '../support/eventually.ts';
import { memoryOf } from '../support/memory.ts';
import { makeOld, versionsOf } from '../support/old-passages.ts';
import { createTestTenant } from '../support/services.ts';
import { createWorkerDatabase, type WorkerDatabase } from '../support/worker-database.ts';

const embedder = hashEmbedder();
const OPERATOR = { type: 'operator' } as const;
let database: WorkerDatabase['database'];
let worker: WorkerDatabase['worker'];
let redis: WorkerDatabase['redis'];
let close: WorkerDatabase['close'];
beforeAll(async () => {
  ({ database, worker, redis, close } = await createWorkerDatabase(20_000));
});
afterAll(() => close());

const LONG = Array.from({ length: 30 }, (_, i) => `Sentence ${i} tells of the river and its bridges.`).join(
  ' ',
);

/** A tenant with one long exchange of long ago, whose passage is old, and its reindex. */
async function old(): Promise<{ scope: Scope; key: ReindexKey; exchangeId: string }> {
  const { tenantId, agent } = await createTestTenant(database.pool);
  const scope = { tenantId, agentId: agent.id, userId: `ada ${randomUUID()}` };
  const memory = memoryOf({ pool: database.pool, redis, embedder }, scope);
  await memory.tell({ user: LONG, reply: 'Noted.', at: '2020-01-01T09:00:00.000Z' });
  const [exchangeId = ''] = await makeOld(database, tenantId);
  const entered = await enterReindex(database.operator, { tenantId, version: DERIVED_VERSION }, OPERATOR);
  return { scope, key: { tenantId, reindexId: entered?.reindexId ?? '' }, exchangeId };
}

const slice = (key: ReindexKey, given: Embedder = embedder) =>
  new MockActivityEnvironment({ startToCloseTimeoutMs: 60_000 }).run(
    createReindex({ pool: worker, embedder: given }).reindexSlice,
    { ...key, after: null },
  );

/** An embedder that waits, once it is asked, until it is let go. */
function held() {
  const letGo = Promise.withResolvers<undefined>();
  const isAsked = Promise.withResolvers<undefined>();
  const embedParts: Embedder['embedParts'] = async (...given) => {
    isAsked.resolve(undefined);
    await letGo.promise;
    return embedder.embedParts(...given);
  };
  return {
    embedder: { ...embedder, embedParts },
    asked: isAsked.promise,
    letGo: () => letGo.resolve(undefined),
  };
}

/** A replacement that is done but for its end, which comes when it is let go. */
async function unfinished({ scope: { tenantId }, exchangeId }: { scope: Scope; exchangeId: string }) {
  const [stored] = await readExchanges(worker, tenantId, [{ version: 0, exchangeId }]);
  if (!stored) throw new Error('the exchange is not there');
  const { scope, user, reply, createdAt, known } = stored;
  const letGo = Promise.withResolvers<undefined>();
  const isDone = Promise.withResolvers<undefined>();
  const ended = inTenant(worker, tenantId, async (client) => {
    const { rows } = await client.query<{ cleared: boolean }>(
      'SELECT clear_old_passages($1, $2) AS cleared',
      [exchangeId, [user?.memoryId, reply?.memoryId]],
    );
    expect(rows).toEqual([{ cleared: true }]);
    const passages = [
      { user: { from: 0, to: LONG.length }, reply: { from: 0, to: 6 }, embedding: known.user },
    ];
    const derived = derivedOf({ user: user?.text ?? '', reply: reply?.text ?? '', createdAt, passages });
    await insertExchange(client, { ...scope, exchangeId, user, reply, createdAt, passages, derived });
    isDone.resolve(undefined);
    await letGo.promise;
  });
  await Promise.race([isDone.promise, ended]);
  return { letGo: () => letGo.resolve(undefined), ended };
}

/** Until a transaction of this database waits for another one's row. */
const somebodyWaits = () =>
  eventually(async () => {
    const { rows } = await database.admin.query(
      `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    );
    return rows.length > 0;
  });

const leftOf = async (tenantId: string) => {
  const { rows } = await database.admin.query<{ messages: number; passages: number }>(
    `SELECT (SELECT count(*)::int FROM conversation_embeddings WHERE tenant_id = $1) AS messages,
            (SELECT count(*)::int FROM exchange_passages WHERE tenant_id = $1) AS passages`,
    [tenantId],
  );
  return rows[0];
};
const NOTHING = { messages: 0, passages: 0 };

/** Everything of a scope is forgotten, as the worker does it. */
async function forget(scope: Scope): Promise<void> {
  const entry = await enterErasure(database.pool, { ...scope, exchangeId: undefined }, OPERATOR);
  if (entry.outcome !== 'entered') throw new Error(entry.outcome);
  while (await forgetSomeMemories(worker, scope.tenantId, entry.erasure.erasureId, 5_000));
}

/** What is older than a day is swept. */
async function sweep({ tenantId }: Scope): Promise<void> {
  await updateTenant(database.operator, tenantId, { retention: { memoryDays: 1 } });
  await sweepTenant({ pool: worker, redis }, tenantId);
}

/** A tenant is removed, as far as its rows go. */
async function remove({ tenantId }: Scope): Promise<void> {
  await enterTenantRemoval(database.operator, tenantId, OPERATOR);
  while (await removeSomeRows(worker, tenantId, 2_000));
}

describe.each([
  ['forgotten', forget],
  ['swept', sweep],
  ['removed with its tenant', remove],
])('an exchange that is %s', (what, goes) => {
  test('while the model reads it is not stored anew', async () => {
    const { scope, key } = await old();
    const reading = held();
    const renewing = slice(key, reading.embedder);
    await reading.asked;
    await goes(scope);
    reading.letGo();
    await renewing;
    expect(await leftOf(scope.tenantId)).toEqual(NOTHING);
  });

  test('while it is being replaced waits for that, and goes whole', async () => {
    const { scope, exchangeId } = await old();
    const replacing = await unfinished({ scope, exchangeId });
    const going = goes(scope);
    await somebodyWaits();
    replacing.letGo();
    await Promise.all([replacing.ended, going]);
    expect(await leftOf(scope.tenantId)).toEqual(NOTHING);
  });

  test('when the next slice comes is left alone', async () => {
    const { scope, key } = await old();
    await goes(scope);
    const next = slice(key);
    if (what === 'removed with its tenant')
      await expect(next).rejects.toMatchObject({ type: FAILURE.notAccepted });
    else expect(await next).toEqual({ after: null });
    expect(await leftOf(scope.tenantId)).toEqual(NOTHING);
  });
});

test('a reindex waits for nobody who deletes: it passes by, and what stays after all is left for another time', async () => {
  const { scope, key } = await old();
  const deleting = await database.admin.connect();
  try {
    for (const table of ['conversation_embeddings', 'exchange_passages']) {
      await deleting.query('BEGIN');
      await deleting.query(`DELETE FROM ${table} WHERE tenant_id = $1`, [scope.tenantId]);
      expect(await slice(key)).toMatchObject({ after: { version: 0 } });
      await deleting.query('ROLLBACK');
      expect(await versionsOf(database, scope.tenantId)).toEqual({ 0: 1 });
    }
  } finally {
    deleting.release();
  }
  await slice(key);
  expect(await versionsOf(database, scope.tenantId)).toEqual({ [DERIVED_VERSION]: expect.any(Number) });
});

test('nobody deletes a message of an exchange while its passages are being replaced', async () => {
  const { scope, exchangeId } = await old();
  const replacing = await unfinished({ scope, exchangeId });
  const holdOne = (role: string) =>
    database.admin.query(
      'SELECT FROM conversation_embeddings WHERE exchange_id = $1 AND role = $2 FOR UPDATE NOWAIT',
      [exchangeId, role],
    );
  for (const role of ['user', 'assistant'])
    await expect(holdOne(role)).rejects.toMatchObject({ code: '55P03' });
  replacing.letGo();
  await replacing.ended;
  expect((await holdOne('user')).rowCount).toBe(1);
});

/** What an erasure may have done to an exchange in its first step: the rest comes with the next one. */
const deleteOneMessage = (tenantId: string) =>
  database.admin.query(`DELETE FROM conversation_embeddings WHERE tenant_id = $1 AND role = 'user'`, [
    tenantId,
  ]);

test.each([
  [
    'before it is read',
    async (scope: Scope, key: ReindexKey) => {
      await deleteOneMessage(scope.tenantId);
      await slice(key);
    },
  ],
  [
    'while the model reads it',
    async (scope: Scope, key: ReindexKey) => {
      const reading = held();
      const renewing = slice(key, reading.embedder);
      await reading.asked;
      await deleteOneMessage(scope.tenantId);
      reading.letGo();
      await renewing;
    },
  ],
])('an exchange that loses a message %s gets no new passages', async (_, loses) => {
  const { scope, key } = await old();
  await loses(scope, key);
  expect(await versionsOf(database, scope.tenantId)).toEqual({ 0: 1 });
});

test('nothing is stored for a tenant whose removal was asked for, and what was there stays until it goes', async () => {
  const { scope, exchangeId } = await old();
  const replacing = await unfinished({ scope, exchangeId });
  replacing.letGo();
  await replacing.ended;
  await database.admin.query('UPDATE exchange_passages SET version = 0 WHERE tenant_id = $1', [
    scope.tenantId,
  ]);
  await enterTenantRemoval(database.operator, scope.tenantId, OPERATOR);
  await expect(unfinished({ scope, exchangeId })).rejects.toThrow(/row-level security policy "not_removed"/);
  expect(await versionsOf(database, scope.tenantId)).toEqual({ 0: 1 });
});
