import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { toSql } from 'pgvector';
import { createStoreTurn } from '../../src/activities/store-turn.ts';
import { enterTurn, findTurn } from '../../src/db/ledger.ts';
import { inTenant } from '../../src/db/tenant-transaction.ts';
import { toTermVector } from '../../src/memory/text/search-terms.ts';
import { insertExchange } from '../../src/memory/long-term/exchange-passages.ts';
import { insertMemories, retrieveRelevant, storeEmbedding } from '../../src/memory/long-term/memories.ts';
import { axis, similarTo0 } from '../support/embeddings.ts';
import { createTestDatabase, createTestTenant, newScope, type TestDatabase } from '../support/services.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase({ max: 1 });
});
afterAll(() => database.drop());

const store = (scope: ReturnType<typeof newScope>, content: string, embedding: number[], more = {}) =>
  storeEmbedding(database.pool, { ...scope, content, role: 'user', embedding, ...more });
const retrieve = (
  scope: ReturnType<typeof newScope>,
  embedding: number[],
  topK?: number,
  threshold?: number,
) => retrieveRelevant(database.pool, scope.tenantId, scope.agentId, scope.userId, embedding, topK, threshold);

describe('insertMemories', () => {
  const exchangeOf = (scope: ReturnType<typeof newScope>) => {
    const exchange = { ...scope, exchangeId: randomUUID() };
    const user = {
      id: randomUUID(),
      role: 'user' as const,
      content: 'NULL {a,"b"} \\ \' \n 🏴‍☠️',
      embedding: axis(0).map((value) => 2 * value),
      createdAt: new Date('2026-10-25T00:30:00.123Z'),
    };
    const assistant = {
      ...user,
      id: randomUUID(),
      role: 'assistant' as const,
      content: 'Understood.',
      embedding: axis(1),
      createdAt: new Date('2026-10-25T01:30:00.007Z'),
    };
    return { exchange, user, assistant };
  };
  const insert = (scope: ReturnType<typeof newScope>, ...memories: Parameters<typeof insertMemories>[2]) => {
    const { exchange } = exchangeOf(scope);
    return inTenant(database.pool, scope.tenantId, (client) => insertMemories(client, exchange, memories));
  };
  const rowsOf = async (scope: ReturnType<typeof newScope>) => {
    const { rows } = await database.admin.query(
      `SELECT id, role, content, user_id AS "userId", created_at AS "createdAt", left(embedding::text, 6) AS embedding
       FROM conversation_embeddings WHERE tenant_id = $1 ORDER BY created_at`,
      [scope.tenantId],
    );
    return rows as unknown[];
  };

  test('stores each message’s fields together, and changes no existing row', async () => {
    const scope = { ...newScope(), userId: 'NULL' };
    const { user, assistant } = exchangeOf(scope);
    await insert(scope, assistant);
    await insert(scope, user, { ...assistant, content: 'said anew' });
    await insert(scope, { ...user, content: 'asked anew' }, assistant);
    const row = ({ id, role, content, createdAt }: typeof user | typeof assistant) => ({
      ...{ id, role, content, createdAt },
      userId: 'NULL',
    });
    expect(await rowsOf(scope)).toEqual([
      { ...row(user), embedding: '[1,0,0' },
      { ...row(assistant), embedding: '[0,1,0' },
    ]);
  });

  test('stores neither of two messages when the second is invalid or another tenant’s', async () => {
    const scope = newScope();
    const { exchange, user, assistant } = exchangeOf(scope);
    await expect(insert(scope, user, { ...assistant, embedding: [1, 2] })).rejects.toThrow(/embedding must/);
    const stranger = newScope();
    await expect(
      inTenant(database.pool, stranger.tenantId, (client) =>
        insertMemories(client, exchange, [user, assistant]),
      ),
    ).rejects.toThrow(/row-level security/);
    expect(await rowsOf(scope)).toEqual([]);
  });
});

describe('retrieveRelevant', () => {
  test('returns the best first, at most topK, at or above the threshold', async () => {
    const scope = newScope();
    for (const similarity of [0.2, 0.8, 0.99, 0.76, 0.9]) {
      await store(scope, `at ${similarity}`, similarTo0(similarity));
    }
    expect(await retrieve(scope, axis(0))).toEqual(['at 0.99', 'at 0.9', 'at 0.8']);
    expect(await retrieve(scope, axis(0), 10)).toEqual(['at 0.99', 'at 0.9', 'at 0.8', 'at 0.76']);
    expect(await retrieve(scope, axis(0), 1, 0.1)).toEqual(['at 0.99']);
  });

  test('a threshold of 0.99 with a dissimilar query gives nothing', async () => {
    const scope = newScope();
    await store(scope, 'along one axis', axis(1));
    expect(await retrieve(scope, axis(2), 3, 0.99)).toEqual([]);
  });

  test('nothing is returned from another user, agent or tenant', async () => {
    const scope = newScope();
    await store(scope, 'mine', axis(0));
    expect(await retrieve(scope, axis(0))).toEqual(['mine']);
    expect(await retrieve({ ...scope, userId: 'someone else' }, axis(0))).toEqual([]);
    expect(await retrieve({ ...scope, agentId: randomUUID() }, axis(0))).toEqual([]);
    expect(await retrieve({ ...scope, tenantId: randomUUID() }, axis(0))).toEqual([]);
  });

  test('is exact even when the nearest rows of all belong to other scopes', async () => {
    const crowd = newScope();
    for (let i = 0; i < 60; i += 1)
      await store({ ...crowd, userId: `neighbour ${i}` }, 'closer', similarTo0(0.999));
    await store(crowd, 'mine', similarTo0(0.8));
    await database.admin.query('ANALYZE conversation_embeddings');
    expect(await retrieve(crowd, axis(0), 3, 0.5)).toEqual(['mine']);
  });

  test.each([
    ['too narrow', [1, 2, 3]],
    ['not a number', axis(0).fill(Number.NaN, 5, 6)],
    ['infinite', axis(0).fill(Number.POSITIVE_INFINITY, 5, 6)],
    ['all zeros', axis(0).fill(0)],
  ])('an embedding that is %s is rejected before anything is stored', async (_name, embedding) => {
    const scope = newScope();
    await expect(store(scope, 'bad', embedding)).rejects.toThrow(/embedding must/);
    await expect(retrieve(scope, embedding)).rejects.toThrow(/embedding must/);
    const { rows } = await database.admin.query(
      'SELECT 1 FROM conversation_embeddings WHERE tenant_id = $1',
      [scope.tenantId],
    );
    expect(rows).toEqual([]);
  });

  test('storing the same memory twice leaves one copy', async () => {
    const scope = newScope();
    const id = randomUUID();
    await store(scope, 'once', axis(0), { id });
    await store(scope, 'once', axis(0), { id });
    expect(await retrieve(scope, axis(0))).toEqual(['once']);
  });
});

test('a turn whose embedding has the wrong width is not remembered, and is still finished in the ledger', async () => {
  const { tenantId, agent } = await createTestTenant(database.pool);
  const text = 'Hello';
  const said = { tenantId, agentId: agent.id, userId: 'ada', text };
  const entered = await enterTurn(database.pool, { ...said, dedupeKey: undefined, threadId: undefined });
  if (entered.outcome !== 'new') throw new Error(entered.outcome);
  const { messageId, seq, receivedAt } = entered.turn;
  const embedder = {
    embed: async () => new Float32Array(3),
    embedParts: async () => ({ whole: new Float32Array(3), parts: [] }),
    close: async () => undefined,
  };
  const stored = createStoreTurn({ pool: database.pool, embedder }).storeTurn({
    message: {
      ...said,
      messageId,
      seq,
      turnsAhead: 0,
      channel: { name: 'http' },
      receivedAt: receivedAt.toISOString(),
    },
    reply: 'Hi',
    repliedAt: receivedAt.toISOString(),
    embedding: null,
    appendOwed: false,
  });
  await expect(stored).rejects.toMatchObject({ type: 'InvalidEmbedding', nonRetryable: true });
  expect(await findTurn(database.pool, tenantId, messageId)).toMatchObject({ state: 'done' });
  expect(await retrieve(said, axis(0), 5, -1)).toEqual([]);
});

describe('the database', () => {
  test('returns no rows of another tenant, also without a filter in the query and on a reused connection', async () => {
    const [a, b] = [newScope(), newScope()];
    await store(a, 'of tenant A', axis(0));
    await store(b, 'of tenant B', axis(0));
    // One connection in the pool, so that all transactions below share it.
    for (const [scope, content] of [
      [a, 'of tenant A'],
      [b, 'of tenant B'],
      [a, 'of tenant A'],
    ] as const) {
      const { rows } = await inTenant(database.pool, scope.tenantId, (client) =>
        client.query(
          `SELECT content, (SELECT array_agg(user_id) FROM exchange_passages) AS passages
           FROM conversation_embeddings`,
        ),
      );
      expect(rows).toEqual([{ content, passages: [scope.userId] }]);
    }
  });

  test('returns nothing when no tenant is set, also after a transaction that had set one', async () => {
    const scope = newScope();
    await store(scope, 'mine', axis(0));
    const { rows } = await database.pool.query('SELECT content FROM conversation_embeddings');
    expect(rows).toEqual([]);
    expect((await database.pool.query('SELECT 1 FROM exchange_passages')).rows).toEqual([]);
    await expect(
      database.pool.query(
        `INSERT INTO conversation_embeddings (tenant_id, agent_id, user_id, content, role, embedding)
         VALUES ($1, $2, 'u', 'c', 'user', $3)`,
        [scope.tenantId, scope.agentId, toSql(axis(0))],
      ),
    ).rejects.toThrow(/row-level security/);
  });

  test('refuses a row of another tenant than the one that is set', async () => {
    const [a, b] = [newScope(), newScope()];
    await expect(
      inTenant(database.pool, a.tenantId, (client) =>
        client.query(
          `INSERT INTO conversation_embeddings (tenant_id, agent_id, user_id, content, role, embedding)
           VALUES ($1, $2, 'u', 'c', 'user', $3)`,
          [b.tenantId, b.agentId, toSql(axis(0))],
        ),
      ),
    ).rejects.toThrow(/row-level security/);
  });

  test('refuses a passage of another tenant than the one that is set', async () => {
    const [a, b] = [newScope(), newScope()];
    await expect(
      inTenant(database.pool, a.tenantId, (client) =>
        insertExchange(client, {
          ...b,
          exchangeId: randomUUID(),
          user: { memoryId: randomUUID(), text: 'Hi' },
          reply: null,
          createdAt: new Date(),
          passages: [{ user: { from: 0, to: 2 }, reply: { from: 0, to: 0 }, embedding: axis(0) }],
          derived: { flags: 0, userWeight: 0, terms: [toTermVector([])], version: 0 },
        }),
      ),
    ).rejects.toThrow(/row-level security/);
  });

  test.each([
    ['UPDATE of a passage', 'UPDATE exchange_passages SET flags = 0'],
    ['DELETE of a passage', 'DELETE FROM exchange_passages'],
    ['TRUNCATE of passages', 'TRUNCATE exchange_passages'],
    ['a partition of passages named directly', 'SELECT * FROM exchange_passages_00'],
    ['UPDATE', "UPDATE conversation_embeddings SET content = 'changed'"],
    ['DELETE', 'DELETE FROM conversation_embeddings'],
    ['TRUNCATE', 'TRUNCATE conversation_embeddings'],
    ['a partition named directly', 'SELECT * FROM conversation_embeddings_00'],
    ['becoming the owner', 'SET ROLE konstruct_owner'],
    ['switching the policy off', 'ALTER TABLE conversation_embeddings DISABLE ROW LEVEL SECURITY'],
  ])('%s', async (_name, statement) => {
    const scope = newScope();
    await expect(
      inTenant(database.pool, scope.tenantId, (client) => client.query(statement)),
    ).rejects.toThrow(/permission denied|must be owner/);
  });
});
