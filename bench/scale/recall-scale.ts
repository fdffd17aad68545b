/**
 * Measures recall in a large memory: latency and accuracy by
 * scope size and total, and inserts with the index.
 */
import { percentile } from '../percentile.ts';
import pg from 'pg';
import { toSql } from 'pgvector';
import { createPool } from '../../src/db/pool.ts';
import { migrateDatabase } from '../../src/db/migrate.ts';
import { storeEmbedding } from '../../src/memory/long-term/memories.ts';
import { nearestMessages } from '../../src/memory/long-term/nearest-messages.ts';
import { serviceUrlsOf } from '../../local/stack/service-urls.ts';
import { startStack, type StackHandle } from '../../local/stack/index.ts';
import { measureHybrid, type HybridRow } from './hybrid-scale.ts';

import { createRecallData, loadRows, type BenchScope, type RecallData } from './recall-data.ts';
import { now } from '../service/stand-in.ts';

export type RecallSizes = { totals: readonly number[]; scopes: number; queries: number };
export const FULL_RECALL: RecallSizes = { totals: [10_000, 100_000, 500_000], scopes: 10_000, queries: 150 };
export const QUICK_RECALL: RecallSizes = { totals: [10_000, 50_000], scopes: 1_000, queries: 40 };

export type RecallRow = {
  total: number;
  scopeSize: number;
  inFlight: number;
  p50: number;
  p95: number;
  /** Share of the three exact nearest that were found, over all queries. */
  recallAt3: number;
};
export type RecallResult = {
  /** Plain cosine. */
  rows: RecallRow[];
  /** Recall by exchange, at the largest total. */
  hybrid: HybridRow[];
  inserts: { inFlight: number; perSecond: number }[];
  indexSeconds: number;
};

const HYBRID_SIZES = [100, 1_000, 5_000, 50_000];

const HNSW = 'conversation_embeddings_hnsw';

/** Loads the data into a Postgres of its own and measures there. */
export async function measureRecall(
  sizes: RecallSizes,
  options: {
    home: string;
    env: NodeJS.ProcessEnv;
    onHandle: (handle: StackHandle) => void;
    log: (line: string) => void;
  },
): Promise<RecallResult> {
  const { home, env, onHandle, log } = options;
  const bare = { PATH: env['PATH'], HOME: env['HOME'], XDG_CACHE_HOME: env['XDG_CACHE_HOME'] };
  const stack = await startStack({ home, want: ['postgres'], env: bare, onHandle, log: () => undefined });
  const { DATABASE_ADMIN_URL: databaseAdminUrl = '', DATABASE_URL: databaseUrl = '' } = stack.urls;
  await migrateDatabase({ databaseAdminUrl, serviceUrls: serviceUrlsOf(stack.urls) });
  const admin = new pg.Pool({ connectionString: databaseAdminUrl, max: 4 });
  const pool = createPool({ databaseUrl, max: 20, statementTimeoutMs: 10_000 });
  const largest = sizes.totals.at(-1) ?? 0;
  const data = createRecallData(largest, sizes.scopes);
  const result: RecallResult = { rows: [], hybrid: [], inserts: [], indexSeconds: 0 };
  let loaded = 0;
  for (const total of sizes.totals) {
    const { rows } = await admin.query<{ definition: string }>(
      'SELECT pg_get_indexdef($1::regclass) AS definition',
      [HNSW],
    );
    await admin.query(`DROP INDEX ${HNSW}`);
    log(`loading ${total - loaded} memories …`);
    await loadRows(admin, data, loaded, total);
    loaded = total;
    result.indexSeconds = await buildIndex(admin, rows[0]?.definition ?? '');
    log(`the index over ${total} took ${result.indexSeconds.toFixed(0)} s; asking …`);
    for (const scope of scopesToAsk(data, total, largest)) {
      const questions = await withTruth(admin, data, scope, sizes.queries);
      for (const inFlight of [1, 8]) {
        result.rows.push({
          total,
          scopeSize: scope.size,
          inFlight,
          ...(await ask(pool, scope, questions, inFlight)),
        });
      }
    }
  }
  for (const inFlight of [1, 8]) {
    result.inserts.push({
      inFlight,
      perSecond: await insertsPerSecond(pool, data, inFlight, 2 * sizes.queries),
    });
  }
  log('recall by exchange …');
  const large = scopesToAsk(data, largest, largest).filter(({ size }) => HYBRID_SIZES.includes(size));
  result.hybrid = await measureHybrid(pool, admin, data, large, sizes.queries);
  await pool.end();
  await admin.end();
  await stack.stop();
  return result;
}

async function buildIndex(admin: pg.Pool, definition: string): Promise<number> {
  const started = now();
  const client = await admin.connect();
  try {
    await client.query(`SET maintenance_work_mem = '1GB'`);
    // The catalogue's definition is for the parent table alone. Without ONLY every partition gets an index.
    await client.query(definition.replace(' ON ONLY ', ' ON '));
    await client.query('VACUUM (ANALYZE) conversation_embeddings');
  } finally {
    client.release(true);
  }
  return (now() - started) / 1000;
}

/** The measured scopes that are fully loaded. Those above 5,000 are measured at the largest total only. */
function scopesToAsk(data: RecallData, total: number, largest: number): BenchScope[] {
  const counts = new Map<number, number>();
  for (let row = 0; row < total; row += 1) {
    const owner = data.owners[row] ?? 0;
    counts.set(owner, (counts.get(owner) ?? 0) + 1);
  }
  const asked = data.scopes
    .slice(0, 7)
    .filter(({ size }) => [10, 100, 1_000, 5_000, 10_000, 20_000, 50_000].includes(size));
  return asked.filter(
    (scope, i) => (total === largest || scope.size <= 5_000) && counts.get(i) === scope.size,
  );
}

type Question = { vector: number[]; truth: string[] };

async function withTruth(
  admin: pg.Pool,
  data: RecallData,
  scope: BenchScope,
  queries: number,
): Promise<Question[]> {
  const questions: Question[] = [];
  for (let i = 0; i < queries; i += 1) {
    const vector = data.queryFor(scope);
    const { rows } = await admin.query<{ content: string }>(
      `SELECT content FROM conversation_embeddings WHERE tenant_id = $1 AND agent_id = $2 AND user_id = $3
       ORDER BY (embedding <=> $4::vector) + 0 LIMIT 3`,
      [scope.tenantId, scope.agentId, scope.userId, toSql(vector)],
    );
    questions.push({ vector, truth: rows.map(({ content }) => content) });
  }
  return questions;
}

async function ask(pool: pg.Pool, scope: BenchScope, questions: readonly Question[], inFlight: number) {
  const times: number[] = [];
  let hits = 0;
  let possible = 0;
  // Warm-up: connections are opened and statements prepared, as in production.
  for (const { vector } of questions.slice(0, 10))
    await nearestMessages(pool, scope, vector, { topK: 3, threshold: -1 });
  const waiting = [...questions];
  const lane = async (): Promise<void> => {
    for (let question = waiting.pop(); question; question = waiting.pop()) {
      const started = now();
      const found = await nearestMessages(pool, scope, question.vector, { topK: 3, threshold: -1 });
      times.push(now() - started);
      const { truth } = question;
      hits += found.filter(({ content }) => truth.includes(content)).length;
      possible += truth.length;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  times.sort((a, b) => a - b);
  return { p50: percentile(times, 0.5), p95: percentile(times, 0.95), recallAt3: hits / possible };
}

async function insertsPerSecond(
  pool: pg.Pool,
  data: RecallData,
  inFlight: number,
  count: number,
): Promise<number> {
  const scopes = data.scopes.slice(7);
  let left = count;
  const started = now();
  const lane = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const scope = scopes[left % scopes.length];
      if (!scope) return;
      const { tenantId, agentId, userId } = scope;
      await storeEmbedding(pool, {
        tenantId,
        agentId,
        userId,
        content: 'one more',
        role: 'user',
        embedding: data.queryFor(scope),
      });
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  return (count * 1000) / (now() - started);
}
