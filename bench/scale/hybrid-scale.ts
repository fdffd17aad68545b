/** Measures recall by exchange in scopes of the same sizes as plain cosine search. */
import { percentile } from '../percentile.ts';
import type pg from 'pg';
import { DEFAULT_RECALL } from '../../src/domain/agent.ts';
import { recall } from '../../src/memory/recall/recall.ts';
import { toTermVector } from '../../src/memory/text/search-terms.ts';
import { wordsOf } from '../../src/memory/text/terms.ts';
import type { BenchScope, RecallData } from './recall-data.ts';
import { now } from '../service/stand-in.ts';

export type HybridRow = { exchanges: number; inFlight: number; p50: number; p95: number };

const ROWS_PER_INSERT = 1_000;
/** Average words of an exchange and of a question. */
const WORDS_STORED = 27;
const WORDS_ASKED = 8;
const VOCABULARY = 5_000;

/**
 * Stores an exchange for each memory of these scopes, and times recall in them. The memories stay unchanged.
 */
export async function measureHybrid(
  pool: pg.Pool,
  admin: pg.Pool,
  data: RecallData,
  scopes: readonly BenchScope[],
  queries: number,
): Promise<HybridRow[]> {
  for (const scope of scopes) await fill(admin, data, scope);
  await admin.query('VACUUM (ANALYZE) exchange_passages');
  const rows: HybridRow[] = [];
  for (const scope of scopes) {
    for (const inFlight of [1, 8]) {
      rows.push({ exchanges: scope.size, inFlight, ...(await ask(pool, data, scope, queries, inFlight)) });
    }
  }
  return rows;
}

async function fill(admin: pg.Pool, data: RecallData, scope: BenchScope): Promise<void> {
  const { tenantId, agentId, userId } = scope;
  const { rows } = await admin.query<{ id: string }>(
    'SELECT id FROM conversation_embeddings WHERE tenant_id = $1 AND agent_id = $2 AND user_id = $3',
    [tenantId, agentId, userId],
  );
  for (let from = 0; from < rows.length; from += ROWS_PER_INSERT) {
    const ids = rows.slice(from, from + ROWS_PER_INSERT).map(({ id }) => id);
    const terms = ids.map(() => toTermVector(wordsOf(words(data, WORDS_STORED).join(' '), 'stored')));
    await admin.query(
      `INSERT INTO exchange_passages (tenant_id, agent_id, user_id, exchange_id, created_at, flags, part, user_memory,
                                      user_from, user_to, reply_from, reply_to, embedding, terms)
       SELECT m.tenant_id, m.agent_id, m.user_id, m.id, timestamptz '2020-01-01' + ($4::int + n.i) * interval '10 minutes', 0, 0, m.id, 0, length(m.content), 0, 0,
              m.embedding::halfvec, n.terms::sparsevec
       FROM unnest($2::uuid[], $3::text[]) WITH ORDINALITY n (id, terms, i)
       JOIN conversation_embeddings m ON m.tenant_id = $1 AND m.id = n.id`,
      [tenantId, ids, terms, from],
    );
  }
}

async function ask(pool: pg.Pool, data: RecallData, scope: BenchScope, queries: number, inFlight: number) {
  const times: number[] = [];
  const askOnce = async (): Promise<number> => {
    const query = {
      ...{ text: words(data, WORDS_ASKED).join(' '), embedding: data.queryFor(scope) },
      ...{ askedAt: new Date(), speakers: {} },
    };
    const started = now();
    await recall(pool, { scope, settings: DEFAULT_RECALL }, query, (search) =>
      search({ exclude: [], shown: [] }),
    );
    return now() - started;
  };
  for (let warm = 0; warm < 10; warm += 1) await askOnce();
  let left = queries;
  const lane = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      times.push(await askOnce());
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  times.sort((a, b) => a - b);
  return { p50: percentile(times, 0.5), p95: percentile(times, 0.95) };
}

/** Random words with a natural distribution: the n-th is about proportional to 1/n. */
function words({ random }: RecallData, count: number): string[] {
  return Array.from({ length: count }, () => `word${Math.floor(VOCABULARY ** random())}`);
}
