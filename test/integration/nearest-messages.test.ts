import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { toSql } from 'pgvector';
import { createPool } from '../../src/db/pool.ts';
import type { Scope } from '../../src/domain/conversation.ts';
import { nearestMessages } from '../../src/memory/long-term/nearest-messages.ts';
import { createTestDatabase, newScope, type TestDatabase } from '../support/services.ts';

/** Replaces production's 10,000, so that a large scope is loaded quickly. */
const EXACT_UP_TO = 300;
const SIZES = [40, EXACT_UP_TO, EXACT_UP_TO + 1, 2_000];

let database: TestDatabase;
const tenantId = randomUUID();
const scopes = SIZES.map((): Scope => ({ ...newScope(), tenantId }));

// As after a bulk load: the index is built over the rows, and there are no statistics yet.
beforeAll(async () => {
  database = await createTestDatabase();
  await database.admin.query('DROP INDEX conversation_embeddings_hnsw');
  for (const [i, scope] of scopes.entries()) await load(scope, SIZES[i] ?? 0);
  for (let i = 0; i < 20; i += 1) await load({ ...newScope(), tenantId }, 150);
  await database.admin.query(
    'CREATE INDEX conversation_embeddings_hnsw ON conversation_embeddings USING hnsw (embedding vector_cosine_ops) WITH (m = 16, ef_construction = 64)',
  );
}, 60_000);
afterAll(() => database.drop());

/**
 * Random vectors around 50 centres that all scopes share, so
 * that the nearest rows of all are mostly another scope's.
 */
async function load(scope: Scope, rows: number): Promise<void> {
  await database.admin.query(
    `INSERT INTO conversation_embeddings (tenant_id, agent_id, user_id, content, role, embedding)
     SELECT $1, $2, $3, 'memory ' || n, 'user', (
       SELECT array_agg(sin(centre * d) + 0.6 * (random() - 0.5) + 0 * n ORDER BY d)::vector
       FROM generate_series(1, 384) d, LATERAL (SELECT 1 + n % 50 AS centre) c)
     FROM generate_series(1, $4::int) n`,
    [scope.tenantId, scope.agentId, scope.userId, rows],
  );
}

/** A query near one of the centres. */
const queryNear = (centre: number) =>
  Array.from({ length: 384 }, (_, i) => Math.sin(centre * (i + 1)) + 0.3 * Math.cos(7 * i));

async function bruteForce(scope: Scope, query: number[]): Promise<string[]> {
  const { rows } = await database.admin.query<{ content: string }>(
    `SELECT content FROM conversation_embeddings WHERE tenant_id = $1 AND agent_id = $2 AND user_id = $3
     ORDER BY (embedding <=> $4::vector) + 0 LIMIT 3`,
    [scope.tenantId, scope.agentId, scope.userId, toSql(query)],
  );
  return rows.map(({ content }) => content);
}

async function recallAt3(scope: Scope): Promise<number> {
  let hits = 0;
  const centres = [1, 11, 21, 31, 41, 50];
  for (const centre of centres) {
    const query = queryNear(centre);
    const found = await nearestMessages(database.pool, scope, query, {
      topK: 3,
      threshold: -1,
      exactUpTo: EXACT_UP_TO,
    });
    expect(found.map(({ score }) => score)).toEqual(found.map(({ score }) => score).sort((a, b) => b - a));
    const truth = await bruteForce(scope, query);
    hits += found.filter(({ content }) => truth.includes(content)).length;
  }
  return hits / (3 * centres.length);
}

const STATISTICS = [
  ['none, as after a bulk load', []],
  ['ANALYZE', ['ANALYZE conversation_embeddings']],
  [
    'extended statistics, with which the planner can prefer HNSW',
    [
      'CREATE STATISTICS scopes_together (ndistinct, dependencies, mcv) ON tenant_id, agent_id, user_id FROM conversation_embeddings',
      'VACUUM ANALYZE conversation_embeddings',
    ],
  ],
] as const;

describe.each(STATISTICS)('with statistics: %s', (_name, statements) => {
  beforeAll(async () => {
    for (const statement of statements) await database.admin.query(statement);
  });

  test.each(SIZES.map((size, i) => [size, i] as const))(
    'recall@3 in a scope of %d is exact or nearly so',
    async (size, i) => {
      const scope = scopes[i] ?? newScope();
      // More than five times, so that the prepared statement's generic plan is used too.
      const recall = await recallAt3(scope);
      if (size <= EXACT_UP_TO) expect(recall).toBe(1);
      else expect(recall).toBeGreaterThanOrEqual(0.98);
    },
  );
});

test('a large scope that is a tiny part of its partition still gets its full answer', async () => {
  const scope = scopes[1] ?? newScope();
  // Here the index search ends at once, as it does after 20,000
  // rows of other scopes in a very large partition.
  const url = new URL(database.url);
  url.searchParams.set('options', '-c hnsw.max_scan_tuples=1');
  const pool = createPool({ databaseUrl: url.href, max: 1, statementTimeoutMs: 10_000 });
  try {
    const query = queryNear(21);
    const found = await nearestMessages(pool, scope, query, { topK: 3, threshold: -1, exactUpTo: 10 });
    expect(found.map(({ content }) => content)).toEqual(await bruteForce(scope, query));
  } finally {
    await pool.end();
  }
});
