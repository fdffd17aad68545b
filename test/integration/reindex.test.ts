/** The steps of a reindex, and its door in the database: old passages are derived anew, and nothing else. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { MockActivityEnvironment } from '@temporalio/testing';
import { createReindex } from '../../src/activities/reindex.ts';
import { createPool } from '../../src/db/pool.ts';
import { enterReindex, findReindex } from '../../src/db/reindexes.ts';
import { inTenant } from '../../src/db/tenant-transaction.ts';
import { DEFAULT_RECALL } from '../../src/domain/agent.ts';
import type { Scope } from '../../src/domain/conversation.ts';
import { InvalidEmbeddingError } from '../../src/domain/embedding.ts';
import { FAILURE } from '../../src/domain/failures.ts';
import type { OldExchange, ReindexKey } from '../../src/domain/reindex.ts';
import type { Embedder } from '../../src/memory/embedding/embedder.ts';
import { EmbedderBusyError } from '../../src/memory/embedding/model-queue.ts';
import { DERIVED_VERSION } from '../../src/memory/long-term/derived-version.ts';
import { storeEmbedding } from '../../src/memory/long-term/memories.ts';
import { OLD_ROWS, readExchanges } from '../../src/memory/long-term/renew-passages.ts';
import { recall } from '../../src/memory/recall/recall.ts';
import { axis, hashEmbedder } from '../support/embeddings.ts';
import { memoryOf } from '../support/memory.ts';
import { makeOld, versionsOf } from '../support/old-passages.ts';
import { asRole, createTestTenant } from '../support/services.ts';
import { createWorkerDatabase, type WorkerDatabase } from '../support/worker-database.ts';

const embedder = hashEmbedder();
let database: WorkerDatabase['database'];
let worker: WorkerDatabase['worker'];
let redis: WorkerDatabase['redis'];
let close: WorkerDatabase['close'];
beforeAll(async () => {
  ({ database, worker, redis, close } = await createWorkerDatabase(10_000));
});
afterAll(() => close());

const LONG = Array.from({ length: 40 }, (_, i) => `Sentence ${i} tells of the river and its bridges.`).join(
  ' ',
);

/** A tenant whose agent has been told of a dog, and at length of a river, `more` times. */
async function told(more = 1): Promise<Scope> {
  const { tenantId, agent } = await createTestTenant(database.pool);
  const scope = { tenantId, agentId: agent.id, userId: `ada ${randomUUID()}` };
  const memory = memoryOf({ pool: database.pool, redis, embedder }, scope);
  await memory.tell({ user: 'My dog is called Rex.', reply: 'What a fine name.' });
  await memory.tell(...Array.from({ length: more }, (_, i) => ({ user: `${i} ${LONG}`, reply: 'Noted.' })));
  return scope;
}

/** All passages of a tenant, but for what another derivation of the same would change by itself. */
async function passagesOf(tenantId: string): Promise<unknown[]> {
  const { rows } = await database.admin.query<{ row: unknown }>(
    `SELECT to_jsonb(p) - 'version' AS row FROM exchange_passages p
     WHERE tenant_id = $1 ORDER BY created_at, exchange_id, part`,
    [tenantId],
  );
  return rows.map(({ row }) => row);
}
/** Where the rows of a tenant stand: a row that was written anew stands elsewhere. */
async function standing(tenantId: string): Promise<unknown[]> {
  const { rows } = await database.admin.query<{ at: string }>(
    'SELECT tableoid::regclass || ctid::text AS at FROM exchange_passages WHERE tenant_id = $1 ORDER BY 1',
    [tenantId],
  );
  return rows.map(({ at }) => at);
}

async function enter(tenantId: string, version = DERIVED_VERSION): Promise<ReindexKey> {
  const entered = await enterReindex(database.operator, { tenantId, version }, { type: 'operator' });
  if (!entered) throw new Error('there is no such tenant');
  return { tenantId, reindexId: entered.reindexId };
}
const stepsWith = (given: Embedder = embedder) => createReindex({ pool: worker, embedder: given });
const run = <I, O>(step: (input: I) => Promise<O>, input: I): Promise<O> =>
  new MockActivityEnvironment({ startToCloseTimeoutMs: 60_000 }).run(step, input);

/** From the first slice to the end; gives the end. */
async function reindexed(key: ReindexKey, given = embedder) {
  const { beginReindex, reindexSlice, finishReindex } = stepsWith(given);
  await run(beginReindex, key);
  for (let after: OldExchange | null = null; ;) {
    ({ after } = await run(reindexSlice, { ...key, after }));
    if (!after) return run(finishReindex, key);
  }
}

const auditOf = async (tenantId: string) => {
  const { rows } = await database.admin.query(
    `SELECT actor_type AS actor, action, target_id AS target, counts FROM audit_entries
     WHERE tenant_id = $1 AND action LIKE '%reindex%' ORDER BY created_at`,
    [tenantId],
  );
  return rows as unknown[];
};

describe('a reindex', () => {
  test('leaves what storing the same would have left, says so, and another tenant as it was', async () => {
    const [scope, other] = [await told(3), await told()];
    const { tenantId } = scope;
    // A message without a reply, as where a person has taken over.
    await storeEmbedding(database.pool, {
      ...{ ...scope, role: 'user', content: 'Stored by itself.', embedding: axis(5) },
      createdAt: new Date('2026-11-20T09:00:00Z'),
    });
    const fresh = await passagesOf(tenantId);
    await makeOld(database, tenantId);
    await makeOld(database, other.tenantId);
    const others = await standing(other.tenantId);
    expect(await versionsOf(database, tenantId)).toEqual({ 0: 5 });

    const key = await enter(tenantId);
    expect(await findReindex(database.operator, tenantId)).toMatchObject({
      ...key,
      ...{ version: DERIVED_VERSION, finishedAt: null, exchanges: null, renewed: 0, left: null },
    });
    const ended = { exchanges: 5, renewed: 5, left: 0, finishedAt: expect.any(String) };
    expect(await reindexed(key)).toMatchObject(ended);
    expect(await findReindex(database.operator, tenantId)).toMatchObject({ ...key, ...ended });
    expect(await passagesOf(tenantId)).toEqual(fresh);
    expect(await versionsOf(database, tenantId)).toEqual({ [DERIVED_VERSION]: fresh.length });
    expect(await standing(other.tenantId)).toEqual(others);
    expect(await auditOf(tenantId)).toEqual([
      { actor: 'operator', action: 'tenant.reindex', target: tenantId, counts: {} },
      {
        ...{ actor: 'system', action: 'reindex.finish', target: tenantId },
        counts: { exchanges: 5, renewed: 5, left: 0 },
      },
    ]);
    // Each step of one that has ended does nothing, and says the same.
    const at = await standing(tenantId);
    expect(await reindexed(key)).toMatchObject(ended);
    expect(await standing(tenantId)).toEqual(at);
    expect(await auditOf(tenantId)).toHaveLength(2);
  });

  test('makes one of two messages that were stored apart', async () => {
    const { tenantId, agent } = await createTestTenant(database.pool);
    const scope = { tenantId, agentId: agent.id, userId: 'ada' };
    const exchange = { ...scope, exchangeId: randomUUID() };
    const said = { role: 'user', content: 'My dog is Rex.', embedding: axis(1) } as const;
    const answered = { role: 'assistant', content: 'Noted.', embedding: axis(2) } as const;
    await storeEmbedding(database.pool, { ...exchange, ...said, createdAt: new Date(1_000) });
    await storeEmbedding(database.pool, { ...exchange, ...answered, createdAt: new Date(2_000) });
    await database.admin.query('UPDATE exchange_passages SET version = 0 WHERE tenant_id = $1', [tenantId]);
    expect(await reindexed(await enter(tenantId))).toMatchObject({ renewed: 1, left: 0 });
    expect(await passagesOf(tenantId)).toMatchObject([
      {
        ...{ part: 0, user_from: 0, user_to: 14, reply_from: 0, reply_to: 6 },
        created_at: expect.stringContaining('00:00:01'),
      },
    ]);
  });

  test('touches nothing that is of its version', async () => {
    const { tenantId } = await told(2);
    const before = await standing(tenantId);
    expect(await reindexed(await enter(tenantId))).toMatchObject({ exchanges: 0, renewed: 0, left: 0 });
    expect(await standing(tenantId)).toEqual(before);
  });

  test('goes on behind what it has done when it breaks off, and counts each exchange once', async () => {
    const { tenantId } = await told(20);
    await makeOld(database, tenantId);
    const key = await enter(tenantId);
    let asked = 0;
    const embedParts: Embedder['embedParts'] = (...given) => {
      asked += 1;
      if (asked > 7) throw new EmbedderBusyError('too many wait');
      return embedder.embedParts(...given);
    };
    await expect(reindexed(key, { ...embedder, embedParts })).rejects.toThrow('too many wait');
    const { renewed = NaN } = (await findReindex(worker, tenantId)) ?? {};
    expect(renewed).toBeGreaterThan(0);
    expect(renewed).toBeLessThan(21);
    // Another run begins anew: what is done is no longer old.
    expect(await reindexed(key)).toMatchObject({ exchanges: 21, renewed: 21, left: 0 });
    expect(Object.keys(await versionsOf(database, tenantId))).toEqual([String(DERIVED_VERSION)]);
  });

  test('renews each exchange once, also when two attempts are at work at the same moment', async () => {
    const { tenantId } = await told(12);
    const fresh = await passagesOf(tenantId);
    await makeOld(database, tenantId);
    const key = await enter(tenantId);
    const { beginReindex, reindexSlice, finishReindex } = stepsWith();
    await run(beginReindex, key);
    await Promise.all(Array.from({ length: 3 }, () => run(reindexSlice, { ...key, after: null })));
    expect(await run(reindexSlice, { ...key, after: null })).toEqual({ after: null });
    expect(await run(finishReindex, key)).toMatchObject({ exchanges: 13, renewed: 13, left: 0 });
    expect(await passagesOf(tenantId)).toEqual(fresh);
  });

  test('leaves what can’t be derived as it is, counts it, and does all others', async () => {
    const { tenantId } = await told(6);
    await makeOld(database, tenantId);
    const embedParts: Embedder['embedParts'] = async (parts, request) => {
      if (parts.join('').startsWith('3 ')) throw new InvalidEmbeddingError('embedding must not be all zeros');
      return embedder.embedParts(parts, request);
    };
    const ended = await reindexed(await enter(tenantId), { ...embedder, embedParts });
    expect(ended).toMatchObject({ exchanges: 7, renewed: 6, left: 1 });
    expect(await versionsOf(database, tenantId)).toMatchObject({ 0: 1 });
    // Asked for again it is another one, which finds the rest.
    const again = await enter(tenantId);
    expect(again.reindexId).not.toBe(ended?.reindexId);
    expect(await reindexed(again)).toMatchObject({ exchanges: 1, renewed: 1, left: 0 });
  });

  test('is the same one while it is under way, and another for a newer version, which ends the first', async () => {
    const { tenantId } = await told();
    await makeOld(database, tenantId);
    const first = await enter(tenantId, 0);
    expect(await enter(tenantId, 0)).toEqual(first);
    const second = await enter(tenantId);
    expect(second.reindexId).not.toBe(first.reindexId);
    expect(await reindexed(first)).toBeNull();
    expect(await versionsOf(database, tenantId)).toEqual({ 0: 2 });
    expect(await reindexed(second)).toMatchObject({ renewed: 2 });
  });

  test('to a version that this worker doesn’t know waits for one that does', async () => {
    const { tenantId } = await told();
    await makeOld(database, tenantId);
    const key = await enter(tenantId, DERIVED_VERSION + 1);
    const { beginReindex, reindexSlice, finishReindex } = stepsWith();
    const refusal = { type: FAILURE.workerTooOld, nonRetryable: false };
    await expect(run(beginReindex, key)).rejects.toMatchObject(refusal);
    await expect(run(reindexSlice, { ...key, after: null })).rejects.toMatchObject(refusal);
    await expect(run(finishReindex, key)).rejects.toMatchObject(refusal);
    expect(await versionsOf(database, tenantId)).toEqual({ 0: 2 });
  });

  test('that nobody has asked for is refused', async () => {
    const { tenantId } = await told();
    await makeOld(database, tenantId);
    const { beginReindex, reindexSlice, finishReindex } = stepsWith();
    for (const id of [tenantId, randomUUID(), 'x']) {
      const key = { tenantId: id, reindexId: randomUUID(), after: null };
      for (const step of [beginReindex, reindexSlice, finishReindex])
        await expect(run<typeof key, unknown>(step, key)).rejects.toMatchObject({
          type: FAILURE.notAccepted,
          nonRetryable: true,
        });
    }
    expect(await versionsOf(database, tenantId)).toEqual({ 0: 2 });
  });

  test('asks the model for vectors that may have changed alone', async () => {
    const { tenantId } = await told();
    const ids = await database.admin.query<{ version: number; exchangeId: string }>(
      'SELECT DISTINCT version, exchange_id AS "exchangeId" FROM exchange_passages WHERE tenant_id = $1',
      [tenantId],
    );
    const knownOf = async () => (await readExchanges(worker, tenantId, ids.rows)).map(({ known }) => known);
    for (const { user, reply, passages } of await knownOf()) {
      expect([user.length, reply.length]).toEqual([384, 384]);
      expect(passages.length).toBeGreaterThan(0);
    }
    await makeOld(database, tenantId);
    for (const { passages } of await knownOf()) expect(passages).toEqual([]);
  });

  test('finds what is old by an index, in its order', async () => {
    const { tenantId } = await told();
    const client = await database.admin.connect();
    try {
      await client.query('BEGIN');
      await client.query('SET LOCAL enable_seqscan = off');
      const values = [`'${tenantId}'::uuid`, '1', '0', `'${randomUUID()}'`];
      const statement = values.reduce((text, value, i) => text.replaceAll(`$${i + 1}`, value), OLD_ROWS);
      const { rows } = await client.query<{ 'QUERY PLAN': string }>(`EXPLAIN ${statement} LIMIT 1000`);
      const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
      // As the index of a partition is called.
      expect(plan).toContain('tenant_id_version_exchange_id_idx');
      expect(plan).not.toContain('Sort');
    } finally {
      await client.query('ROLLBACK');
      client.release();
    }
  });
});

describe('the door', () => {
  /** What it answers for the exchanges of a scope, as a role, in a transaction that then ends. */
  const knock = async (of: Scope, { as = worker, tenantId = of.tenantId, messages = 2 } = {}) => {
    const { rows } = await database.admin.query<{ exchange: string; ids: string[] }>(
      `SELECT exchange_id AS exchange, array_agg(id) AS ids FROM conversation_embeddings
       WHERE tenant_id = $1 GROUP BY 1`,
      [of.tenantId],
    );
    const answers: unknown[] = [];
    for (const { exchange, ids } of rows)
      answers.push(
        await inTenant(as, tenantId, async (client) => {
          const answer = await client.query<{ cleared: boolean }>(
            'SELECT clear_old_passages($1, $2::uuid[]) AS cleared',
            [exchange, ids.slice(0, messages)],
          );
          return answer.rows[0]?.cleared;
        }),
      );
    return answers;
  };
  const old = async (): Promise<Scope> => {
    const scope = await told();
    await makeOld(database, scope.tenantId);
    return scope;
  };

  test('opens while a reindex is under way, for old passages alone', async () => {
    const scope = await old();
    const before = await standing(scope.tenantId);
    expect(await knock(scope)).toEqual([false, false]);
    const key = await enter(scope.tenantId);
    const { finishReindex } = stepsWith();
    await run(finishReindex, key);
    expect(await knock(scope)).toEqual([false, false]);
    expect(await standing(scope.tenantId)).toEqual(before);
    await enter(scope.tenantId);
    expect(await knock(scope)).toEqual([true, true]);
    expect(await standing(scope.tenantId)).toEqual([]);

    const current = await told();
    await enter(current.tenantId);
    expect(await knock(current)).toEqual([false, false]);
    expect(await standing(current.tenantId)).not.toEqual([]);
  });

  test('is of the transaction’s tenant, whatever exchange is named', async () => {
    const [scope, other] = [await old(), await old()];
    await enter(scope.tenantId);
    await enter(other.tenantId);
    const before = await standing(scope.tenantId);
    expect(await knock(scope, { tenantId: other.tenantId })).toEqual([false, false]);
    expect(await standing(scope.tenantId)).toEqual(before);
  });

  test('stays shut when messages of the old passages are left out, and when none is named', async () => {
    const scope = await old();
    await enter(scope.tenantId);
    const before = await standing(scope.tenantId);
    for (const messages of [0, 1]) expect(await knock(scope, { messages })).toEqual([false, false]);
    expect(await standing(scope.tenantId)).toEqual(before);
  });

  test('is closed to API and operator', async () => {
    const scope = await old();
    await enter(scope.tenantId);
    const api = createPool({
      databaseUrl: asRole('api', database.url),
      max: 1,
      statementTimeoutMs: 5_000,
    });
    for (const as of [api, database.operator])
      await expect(knock(scope, { as })).rejects.toThrow(/permission denied/);
    await api.end();
  });

  test.each([
    ['app', () => database.pool],
    ['worker', () => worker],
  ])('is opened by the operator alone, not by %s', async (_, poolOf) => {
    const { tenantId } = await old();
    const as = (statement: string) =>
      inTenant(poolOf(), tenantId, (client) => client.query(statement, [tenantId]));
    await expect(
      as('INSERT INTO reindexes (tenant_id, id, version) VALUES ($1, gen_random_uuid(), 1)'),
    ).rejects.toThrow(/permission denied/);
    await run(stepsWith().finishReindex, await enter(tenantId));
    const reopened = await as('UPDATE reindexes SET finished_at = NULL WHERE tenant_id = $1');
    expect(reopened.rowCount).toBe(0);
    await expect(as('UPDATE reindexes SET version = 9 WHERE tenant_id = $1')).rejects.toThrow(
      /permission denied/,
    );
    await expect(as('DELETE FROM reindexes WHERE tenant_id = $1')).rejects.toThrow(/permission denied/);
  });
});

test('a recall quotes a passage as it has compared it, also when that is replaced in between', async () => {
  const scope = await told();
  const { tenantId } = scope;
  const fresh = await passagesOf(tenantId);
  // The old one is a hundredth part, which there is not afterwards.
  await makeOld(database, tenantId);
  await database.admin.query('UPDATE exchange_passages SET part = 99 WHERE tenant_id = $1', [tenantId]);
  const key = await enter(tenantId);
  const question = 'My dog is called Rex.';
  const found = await recall(
    database.pool,
    { scope, settings: { ...DEFAULT_RECALL, threshold: 0 } },
    {
      text: question,
      embedding: Array.from(await embedder.embed(question, { ...scope, priority: 'query' })),
      askedAt: new Date('2026-11-28T09:00:00Z'),
      speakers: { agent: 'Mara' },
    },
    async (search) => {
      await reindexed(key);
      return search({ exclude: [], shown: [] });
    },
  );
  expect(await passagesOf(tenantId)).toEqual(fresh);
  expect(found.recalled.map(({ content }) => content)).toContain(question);
});
