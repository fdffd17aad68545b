import { percentile } from '../percentile.ts';
import pg from 'pg';
import type { Replayed, Services } from './replay.ts';
import { ask } from './replay.ts';
import { round } from './measure.ts';

/** Search times in one large scope. */
export type ScaleReport = { exchanges: number; search_p50_ms: number; search_p95_ms: number };

/**
 * Times searches in a scope of `size` exchanges. The scope is filled with copies of the replayed exchanges
 * under new ids and times. Two further scopes of the same size are interleaved with it, so that its rows are
 * scattered as in production. The search time depends on the texts' length and vocabulary, which copies keep.
 */
export async function measureScale(
  services: Services,
  replayed: readonly Replayed[],
  options: { size: number; adminUrl: string },
): Promise<ScaleReport> {
  const [first] = replayed;
  if (!first) throw new Error('nothing was replayed');
  const admin = new pg.Client({ connectionString: options.adminUrl });
  await admin.connect();
  try {
    // Recall by exchange doesn't use the HNSW index, and filling it would take minutes.
    await admin.query('DROP INDEX conversation_embeddings_hnsw');
    await admin.query(FILL, [first.agent.tenantId, first.agent.id, options.size]);
    await admin.query('VACUUM ANALYZE exchange_passages, conversation_embeddings');
    // The searches must not compete with the writing of the new rows to disk.
    await admin.query('CHECKPOINT');
  } finally {
    await admin.end();
  }
  const scope: Replayed = { ...first, userId: 'scale 1' };
  const questions = replayed.flatMap(({ conversation }) => conversation.questions);
  const times: number[] = [];
  for (const { text } of questions) times.push((await ask(services, scope, text)).searchMs);
  return {
    exchanges: options.size,
    search_p50_ms: round(percentile(times, 0.5)),
    search_p95_ms: round(percentile(times, 0.95)),
  };
}

const FILL = `
  WITH source AS (
    SELECT p.*, row_number() OVER () AS nth, count(*) OVER () AS sources FROM exchange_passages p WHERE part = 0
  ), copies AS (
    SELECT s.*, gen_random_uuid() AS new_id, gen_random_uuid() AS new_user, gen_random_uuid() AS new_reply,
           scope, timestamptz '2024-01-01' + i * interval '10 minutes' AS at
    FROM generate_series(1, $3::int) i CROSS JOIN generate_series(1, 3) scope
    JOIN source s ON s.nth = (i * 7919 + scope) % s.sources + 1
    ORDER BY i, scope
  ), texts AS (
    INSERT INTO conversation_embeddings (id, tenant_id, agent_id, user_id, content, role, embedding, created_at, exchange_id)
    SELECT CASE m.role WHEN 'user' THEN c.new_user ELSE c.new_reply END, $1, $2, 'scale ' || c.scope, m.content,
           m.role, m.embedding, c.at, c.new_id
    FROM copies c
    JOIN conversation_embeddings m ON m.tenant_id = c.tenant_id AND m.id IN (c.user_memory, c.reply_memory)
  )
  INSERT INTO exchange_passages (tenant_id, agent_id, user_id, exchange_id, part, flags, created_at, user_memory,
                                 user_from, user_to, reply_memory, reply_from, reply_to, embedding, terms,
                                 user_weight)
  SELECT $1, $2, 'scale ' || scope, new_id, 0, flags, at, CASE WHEN user_memory IS NOT NULL THEN new_user END,
         user_from, user_to, CASE WHEN reply_memory IS NOT NULL THEN new_reply END, reply_from, reply_to, embedding, terms,
         user_weight
  FROM copies`;
