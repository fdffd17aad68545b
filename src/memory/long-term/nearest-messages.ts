import type pg from 'pg';
import { toSql } from 'pgvector';
import type { RecalledMemory, Role, Scope } from '../../domain/conversation.ts';
import { assertEmbedding } from '../../domain/embedding.ts';
import { inTenant } from '../../db/tenant-transaction.ts';

/** A memory found by plain cosine similarity, which is its `score`. */
type NearestMessage = Omit<RecalledMemory, 'cosine' | 'lexical'>;

/**
 * A scope of up to this many memories is compared row by row, exactly, which takes some 8 ms for 5,000. A
 * larger scope is searched through the HNSW index, whose time hardly grows.
 */
const EXACT_UP_TO = 10_000;

/**
 * The index returns approximate results in approximate order, so the best are picked from more than `topK`.
 */
const INDEX_CANDIDATES_AT_LEAST = 40;

type MemoryRow = { content: string; role: Role; created_at: Date; exchange_id: string; score: number };

/**
 * The messages of a scope nearest to a query: at most `topK` with a cosine similarity of at least
 * `threshold`, best first. The size of the scope decides between exact scan and index. The planner must not
 * decide: with some statistics it would use the index for a small scope and miss most of its rows.
 * Throws `InvalidEmbeddingError`.
 */
export async function nearestMessages(
  pool: pg.Pool,
  scope: Scope,
  queryEmbedding: number[],
  options: { topK: number; threshold: number; exactUpTo?: number },
): Promise<NearestMessage[]> {
  assertEmbedding(queryEmbedding);
  const { topK, threshold, exactUpTo = EXACT_UP_TO } = options;
  if (topK <= 0) return [];
  const search = [scope.tenantId, scope.agentId, scope.userId, toSql(queryEmbedding)];
  const rows = await inTenant(pool, scope.tenantId, async (client) => {
    const counted = await scanScope(client, search, topK, exactUpTo);
    if (counted.rows) return counted.rows;
    const wanted = Math.max(4 * topK, INDEX_CANDIDATES_AT_LEAST);
    const found = await searchIndex(client, search, wanted);
    if (found.length >= wanted) return found.sort((a, b) => b.score - a.score).slice(0, topK);
    // The scope is a small part of a very large partition: the
    // index search ended before it found enough rows.
    return (await scanScope(client, search, topK, Number.MAX_SAFE_INTEGER)).rows ?? [];
  });
  return rows.filter(({ score }) => score >= threshold).map(toRecalled);
}

/*
 * One statement counts the scope, as far as the limit, and searches it if it is small enough. `+ 0` keeps the
 * planner from the HNSW index, whose graph doesn't know scopes. The order by time keeps the count on the
 * scope's own index. The left join returns the count even when the search finds nothing.
 */
const SCAN_SCOPE = `
  WITH counted AS MATERIALIZED (
    SELECT count(*) <= $6::bigint AS small FROM (
      SELECT FROM conversation_embeddings
      WHERE tenant_id = $1 AND agent_id = $2 AND user_id = $3
      ORDER BY created_at DESC LIMIT $6::bigint + 1
    ) AS first_ones
  )
  SELECT small, nearest.* FROM counted LEFT JOIN LATERAL (
    SELECT content, role, created_at, exchange_id, 1 - (embedding <=> $4::vector) AS score
    FROM conversation_embeddings
    WHERE tenant_id = $1 AND agent_id = $2 AND user_id = $3 AND counted.small
    ORDER BY (embedding <=> $4::vector) + 0
    LIMIT $5
  ) AS nearest ON true
  ORDER BY score DESC`;

type Search = readonly (string | null)[];

/** The exact answer, best first; no `rows` when the scope has more than `exactUpTo`. */
async function scanScope(
  client: pg.PoolClient,
  search: Search,
  topK: number,
  exactUpTo: number,
): Promise<{ rows?: MemoryRow[] }> {
  type Row = { small: boolean } & (MemoryRow | { content: null });
  const { rows } = await client.query<Row>({
    name: 'scan-scope',
    text: SCAN_SCOPE,
    values: [...search, topK, exactUpTo],
  });
  if (!rows[0]?.small) return {};
  return { rows: rows.filter((row): row is { small: boolean } & MemoryRow => row.content !== null) };
}

/*
 * The index search continues, 200 candidates at a time, until it has found enough
 * rows of the scope. Without `enable_sort = off` the planner can prefer to read
 * and sort the whole scope. The settings hold for this transaction only.
 */
const INDEX_SETTINGS = `
  SELECT set_config('hnsw.iterative_scan', 'relaxed_order', true), set_config('hnsw.ef_search', '200', true),
         set_config('enable_sort', 'off', true)`;

const SEARCH_INDEX = `
  SELECT content, role, created_at, exchange_id, 1 - (embedding <=> $4::vector) AS score
  FROM conversation_embeddings
  WHERE tenant_id = $1 AND agent_id = $2 AND user_id = $3
  ORDER BY embedding <=> $4::vector
  LIMIT $5`;

async function searchIndex(client: pg.PoolClient, search: Search, limit: number): Promise<MemoryRow[]> {
  await client.query({ name: 'index-settings', text: INDEX_SETTINGS });
  const { rows } = await client.query<MemoryRow>({
    name: 'search-index',
    text: SEARCH_INDEX,
    values: [...search, limit],
  });
  return rows;
}

function toRecalled(row: MemoryRow): NearestMessage {
  return {
    content: row.content,
    role: row.role,
    score: row.score,
    createdAt: row.created_at.toISOString(),
    exchangeId: row.exchange_id,
  };
}
