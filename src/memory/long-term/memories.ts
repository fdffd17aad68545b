import type pg from 'pg';
import { toSql } from 'pgvector';
import { v4 as randomUuid } from 'uuid';
import type { ConversationEmbedding, Role, Scope } from '../../domain/conversation.ts';
import { assertEmbedding, toUnit } from '../../domain/embedding.ts';
import { bytesBefore, HAS_ROOM, type PageAsked } from '../../db/page.ts';
import { behind, CREATED_AT, type Place } from '../../db/place.ts';
import { inTenant } from '../../db/tenant-transaction.ts';
import { derive } from './derive.ts';
import { insertExchange } from './exchange-passages.ts';
import { nearestMessages } from './nearest-messages.ts';

/**
 * The contents of the memories most similar to a query, best first: at most `topK` whose cosine similarity to
 * `queryEmbedding` (384 finite numbers) is at least `threshold`; `[]` when there are none. The scope is
 * enforced by the filter, and its tenant also by the transaction and the database's row policy.
 * Throws `InvalidEmbeddingError`.
 *
 * This is the simplest form of recall: single messages by plain cosine similarity. Turns use `recall`
 * (../recall/recall.ts), which finds whole exchanges by meaning and by words.
 */
export async function retrieveRelevant(
  pool: pg.Pool,
  tenantId: string,
  agentId: string,
  userId: string,
  queryEmbedding: number[],
  topK: number = 3,
  threshold: number = 0.75,
): Promise<string[]> {
  const scope = { tenantId, agentId, userId };
  const found = await nearestMessages(pool, scope, queryEmbedding, { topK, threshold });
  return found.map((memory) => memory.content);
}

/** A memory to store. `id` and `exchangeId` default to random UUIDs, `createdAt` to now. */
export type NewMemory = Omit<ConversationEmbedding, 'id' | 'createdAt'> & {
  id?: string;
  exchangeId?: string;
  createdAt?: Date;
};

/**
 * Stores one memory, with its embedding normalised, so that recall finds it.
 * Storing the same `id` twice leaves one copy. Throws `InvalidEmbeddingError`
 * before anything is sent when the embedding isn't 384 finite numbers.
 */
export async function storeEmbedding(pool: pg.Pool, memory: NewMemory): Promise<void> {
  assertEmbedding(memory.embedding);
  const id = memory.id ?? randomUuid();
  const exchangeId = memory.exchangeId ?? randomUuid();
  const createdAt = memory.createdAt ?? new Date();
  const { tenantId, agentId, userId, content, role } = memory;
  const whole = { from: 0, to: content.length };
  const none = { from: 0, to: 0 };
  const stored = { memoryId: id, text: content };
  const isUser = role === 'user';
  const user = isUser ? whole : none;
  const reply = isUser ? none : whole;
  const texts = isUser ? { user: content, reply: '' } : { user: '', reply: content };
  const derived = await derive(memory, { ...texts, createdAt, passages: [{ user, reply }] });
  await inTenant(pool, tenantId, async (client) => {
    const exchange = { tenantId, agentId, userId, exchangeId };
    await insertMemories(client, exchange, [{ id, role, content, embedding: memory.embedding, createdAt }]);
    await insertExchange(client, {
      ...exchange,
      createdAt,
      user: isUser ? stored : null,
      reply: isUser ? null : stored,
      // Two parts, so that both messages of an exchange can be stored separately.
      passages: [{ part: isUser ? 0 : 1, user, reply, embedding: [...memory.embedding] }],
      derived,
    });
  });
}

/** One message of an exchange, to be inserted. */
export type MemoryRow = {
  id: string;
  role: Role;
  content: string;
  embedding: ArrayLike<number>;
  createdAt: Date;
};

/**
 * Inserts an exchange's rows of `conversation_embeddings` in one statement, within
 * the caller's transaction, whose tenant must be the exchange's. Existing rows
 * stay unchanged. Throws `InvalidEmbeddingError` before anything is sent.
 */
export async function insertMemories(
  client: pg.PoolClient,
  { tenantId, agentId, userId, exchangeId }: Scope & { exchangeId: string },
  memories: readonly MemoryRow[],
): Promise<void> {
  const embeddings = memories.map(({ embedding }) => toSql(toUnit(embedding)));
  await client.query({
    name: 'insert-memories',
    text: `INSERT INTO conversation_embeddings
             (tenant_id, agent_id, user_id, exchange_id, id, role, content, embedding, created_at)
           SELECT $1, $2, $3, $4, id, role, content, embedding::vector, created_at
           FROM unnest($5::uuid[], $6::text[], $7::text[], $8::text[], $9::timestamptz[])
                m (id, role, content, embedding, created_at)
           ON CONFLICT (tenant_id, id) DO NOTHING`,
    values: [
      tenantId,
      agentId,
      userId,
      exchangeId,
      memories.map(({ id }) => id),
      memories.map(({ role }) => role),
      memories.map(({ content }) => content),
      embeddings,
      memories.map(({ createdAt }) => createdAt),
    ],
  });
}

const NEWEST_FIRST = 'created_at DESC, id DESC';

/** A scope's memories, newest first, at most one more than fill a page. */
export async function listMemories(pool: pg.Pool, scope: Scope, page: PageAsked): Promise<StoredMemory[]> {
  const { rows } = await inTenant(pool, scope.tenantId, (client) =>
    client.query<StoredMemory>(
      `SELECT id, content, role, exchange_id AS "exchangeId", ${CREATED_AT}
       FROM (SELECT id, content, role, exchange_id, created_at,
                    ${bytesBefore({ bytes: 'octet_length(content)', order: NEWEST_FIRST })}
             FROM conversation_embeddings
             WHERE tenant_id = $1 AND agent_id = $2 AND user_id = $3
               AND (created_at, id) < ($4::timestamptz, $5::uuid)
             ORDER BY ${NEWEST_FIRST} LIMIT $6) AS newest
       WHERE ${HAS_ROOM} ORDER BY ${NEWEST_FIRST}`,
      [scope.tenantId, scope.agentId, scope.userId, ...behind(page.after), page.limit],
    ),
  );
  return rows;
}

/** A memory in a list. */
export type StoredMemory = Place & { content: string; role: Role; exchangeId: string };

/** The stored messages of one exchange: the user's, then the reply. `[]` when nothing is stored yet. */
export async function findExchange(
  pool: pg.Pool,
  tenantId: string,
  exchangeId: string,
): Promise<Array<{ role: Role; content: string }>> {
  const { rows } = await inTenant(pool, tenantId, (client) =>
    client.query<{ role: Role; content: string }>(
      `SELECT e.role, e.content FROM turns t
       JOIN conversation_embeddings e USING (tenant_id, agent_id, user_id)
       WHERE t.tenant_id = $1 AND t.message_id = $2 AND e.exchange_id = $2 ORDER BY e.role DESC`,
      [tenantId, exchangeId],
    ),
  );
  return rows;
}
