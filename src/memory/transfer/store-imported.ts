import type pg from 'pg';
import { parse as uuidBytes, v5 as namedUuid, validate as isUuid } from 'uuid';
import { inTenant } from '../../db/tenant-transaction.ts';
import type { ApartOwner } from '../../lib/apart.ts';
import type { Role, Scope } from '../../domain/conversation.ts';
import { derive, type Derived } from '../long-term/derive.ts';
import { VECTORS_SINCE } from '../long-term/derived-version.ts';
import {
  embedExchangeTexts,
  insertExchange,
  type Embed,
  type EmbeddedPassage,
} from '../long-term/exchange-passages.ts';
import { insertMemories, type MemoryRow } from '../long-term/memories.ts';
import { memoryId } from '../long-term/memory-id.ts';
import type { ExportedExchange } from './format.ts';

/** An exchange whose messages and passages all have their embeddings. */
export type EmbeddedExchange = {
  exchangeId: string;
  createdAt: Date;
  messages: MemoryRow[];
  passages: EmbeddedPassage[];
  derived: Derived;
};

/** The ids that an exchange may have in the scope it is imported into. */
export type ImportedIds = {
  /**
   * Its own, where the file says that it comes from this very scope. It counts when the scope has such an
   * exchange: whoever writes the file could name one that somebody else is about to begin.
   */
  own?: string;
  /** One of this scope alone, derived from its own, so that two imports meet. */
  anew: string;
};

/** What gives the exchanges of a file their ids: of one scope's in another, or in the same. */
export function importedIds(from: Scope, to: Scope): (exchangeId: string) => ImportedIds {
  const isSame =
    from.tenantId.toLowerCase() === to.tenantId.toLowerCase() &&
    from.agentId.toLowerCase() === to.agentId.toLowerCase() &&
    from.userId === to.userId;
  const namespace = uuidBytes(namedUuid('import', to.tenantId));
  return (exchangeId) => {
    const id = exchangeId.toLowerCase();
    const anew = namedUuid(`${to.agentId}:${to.userId}:${id}`, namespace);
    return isSame ? { own: id, anew } : { anew };
  };
}

/** Those of the exchanges that a scope has, in its ledger or in its memory. */
export async function exchangesOfScope(
  client: pg.PoolClient,
  { tenantId, agentId, userId }: Scope,
  exchangeIds: readonly string[],
): Promise<Set<string>> {
  const ids = exchangeIds.filter((id) => isUuid(id));
  if (ids.length === 0) return new Set();
  const { rows } = await client.query<{ id: string }>(
    `SELECT message_id AS id FROM turns
     WHERE tenant_id = $1 AND agent_id = $2 AND user_id = $3 AND message_id = ANY ($4::uuid[]) AND kind = 'message'
     UNION
     SELECT exchange_id FROM conversation_embeddings
     WHERE tenant_id = $1 AND agent_id = $2 AND user_id = $3 AND exchange_id = ANY ($4::uuid[])`,
    [tenantId, agentId, userId, ids],
  );
  return new Set(rows.map(({ id }) => id));
}

/** The id that an exchange gets, when its scope has `known`. */
export const idAmong = ({ own, anew }: ImportedIds, known: ReadonlySet<string>): string =>
  own !== undefined && known.has(own) ? own : anew;

/** Messages of one millisecond that are compared: who imports more of them is not to wait for the square. */
const COMPARED_OF_A_MOMENT = 1_000;

/**
 * Those exchanges that the scope does not have: a memory that has travelled through other scopes comes back
 * under other ids, so messages are compared by time, role and text.
 */
export async function withoutKnown<T extends Pick<ExportedExchange, 'messages'>>(
  pool: pg.Pool,
  { tenantId, agentId, userId }: Scope,
  exchanges: readonly T[],
): Promise<T[]> {
  const messages = exchanges.flatMap((exchange, index) =>
    exchange.messages.map(({ role, at, text }) => ({ index, role, at, text })),
  );
  const { rows } = await inTenant(pool, tenantId, (client) =>
    client.query<{ index: number }>({
      name: 'unknown-messages',
      // Times travel as milliseconds; other programs may have stored microseconds.
      text: `SELECT DISTINCT index FROM unnest($4::int[], $5::text[], $6::timestamptz[], $7::text[]) w (index, role, at, text)
             WHERE NOT EXISTS (
               SELECT FROM (
                 SELECT m.role, m.content FROM conversation_embeddings m
                 WHERE m.tenant_id = $1 AND m.agent_id = $2 AND m.user_id = $3
                   AND m.created_at >= w.at AND m.created_at < w.at + interval '1 millisecond'
                 LIMIT $8) AS moment
               WHERE moment.role = w.role AND moment.content = w.text)`,
      values: [
        tenantId,
        agentId,
        userId,
        messages.map(({ index }) => index),
        messages.map(({ role }) => role),
        messages.map(({ at }) => at),
        messages.map(({ text }) => text),
        COMPARED_OF_A_MOMENT,
      ],
    }),
  );
  const unknown = new Set(rows.map(({ index }) => index));
  return exchanges.filter((_, index) => unknown.has(index));
}

/**
 * Cuts an exchange as it is cut here, and embeds what the file holds no embedding of. Of the file's passages
 * only vectors count, and only where they are of the very same cuts: recall relies on how long passages are.
 * Rejects when the embedding does.
 */
export async function embedExchange(
  owner: ApartOwner,
  { id: exchangeId, messages, passages = [] }: ExportedExchange,
  by: Embed,
): Promise<EmbeddedExchange> {
  const ofRole = (role: Role) => messages.find((message) => message.role === role);
  const [user, reply] = [ofRole('user'), ofRole('assistant')];
  const texts = { user: user?.text ?? '', reply: reply?.text ?? '' };
  const given = passages.map(({ user: ofUser, reply: ofReply, embedding }) => ({
    user: { from: ofUser[0], to: ofUser[1] },
    reply: { from: ofReply[0], to: ofReply[1] },
    embedding: [...embedding],
  }));
  const known = {
    // Of a message that isn't there nothing is embedded.
    user: user ? user.embedding : [],
    reply: reply ? reply.embedding : [],
    passages: passages.every(({ version = 0 }) => version >= VECTORS_SINCE) ? given : [],
  };
  const embedded = await embedExchangeTexts(texts, known, by);
  const rows = messages.map(({ role, at, text }) => ({
    id: memoryId(role, exchangeId),
    role,
    content: text,
    createdAt: new Date(at),
    embedding: role === 'user' ? embedded.user : embedded.reply,
  }));
  const createdAt = new Date((user ?? reply)?.at ?? 0);
  const derived = await derive(owner, { ...texts, createdAt, passages: embedded.passages });
  return { exchangeId, createdAt, messages: rows, passages: embedded.passages, derived };
}

/** Stores exchanges within the caller's transaction. Storing them again changes nothing. */
export async function storeExchanges(
  client: pg.PoolClient,
  scope: Scope,
  exchanges: readonly EmbeddedExchange[],
): Promise<void> {
  for (const exchange of exchanges) await storeExchange(client, scope, exchange);
}

async function storeExchange(
  client: pg.PoolClient,
  scope: Scope,
  { exchangeId, createdAt, messages, passages, derived }: EmbeddedExchange,
): Promise<void> {
  const ofRole = (role: Role) => {
    const row = messages.find((message) => message.role === role);
    return row ? { memoryId: row.id, text: row.content } : null;
  };
  const exchange = {
    tenantId: scope.tenantId,
    agentId: scope.agentId,
    userId: scope.userId,
    exchangeId,
  };
  await insertMemories(client, exchange, messages);
  await insertExchange(client, {
    ...exchange,
    user: ofRole('user'),
    reply: ofRole('assistant'),
    ...{ createdAt, passages, derived },
  });
}
