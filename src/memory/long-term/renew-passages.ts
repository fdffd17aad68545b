/** Exchanges whose passages older code has derived: which there are, what they hold, and what is new. */
import type pg from 'pg';
import { NIL_UUID } from '../../db/place.ts';
import { countRenewed } from '../../db/reindexes.ts';
import { inTenant } from '../../db/tenant-transaction.ts';
import type { Role, Scope } from '../../domain/conversation.ts';
import type { OldExchange, ReindexKey } from '../../domain/reindex.ts';
import { EXCHANGES_AT_ONCE, inGroups } from '../embedding/model-slices.ts';
import { fromSent } from '../embedding/sent-vector.ts';
import { UNREAD_VERSION, VECTORS_SINCE } from './derived-version.ts';
import { insertExchange, type EmbeddedPassage, type NewExchange } from './exchange-passages.ts';
import type { MessageRow, PassageRow } from './stored-rows.ts';

/** Rows of one page: of an exchange there are up to a hundred, and mostly few. */
const PAGE_ROWS = 1_000;
/** Rows that are counted by one statement: some tens of milliseconds. */
const COUNTED_ROWS = 50_000;
/** As far into a text as recall reads (recall/passage-texts.ts). No text of a turn is longer. */
const TEXT_CHARACTERS = 200_000;

/** The rows of a tenant that are older than a version, behind a place: they stand so in an index. */
export const OLD_ROWS = `
  SELECT version, exchange_id FROM exchange_passages
  WHERE tenant_id = $1 AND version < $2::int2 AND (version, exchange_id) > ($3::int2, $4::uuid)
  ORDER BY version, exchange_id`;

const placeOf = (after: OldExchange | null): [version: number, exchangeId: string] => [
  after?.version ?? -1,
  after?.exchangeId ?? NIL_UUID,
];

/** Which exchanges of a tenant. */
type OldOf = { tenantId: string; olderThan: number; after: OldExchange | null };

/** The next exchanges with passages of an older version; empty when there are none behind `after`. */
export async function findOldExchanges(
  pool: pg.Pool,
  { tenantId, olderThan, after }: OldOf,
): Promise<OldExchange[]> {
  const { rows } = await inTenant(pool, tenantId, (client) =>
    client.query<{ version: number; exchange_id: string }>({
      name: 'old-exchanges',
      text: `${OLD_ROWS} LIMIT ${PAGE_ROWS}`,
      values: [tenantId, olderThan, ...placeOf(after)],
    }),
  );
  return rows
    .filter((row, i) => row.exchange_id !== rows[i - 1]?.exchange_id)
    .map(({ version, exchange_id: exchangeId }) => ({ version, exchangeId }));
}

/** How many exchanges of a tenant are older than a version. */
export async function countOldExchanges(
  pool: pg.Pool,
  { tenantId, olderThan }: Omit<OldOf, 'after'>,
): Promise<number> {
  let count = 0;
  for (let after: OldExchange | null = null; ;) {
    const place = placeOf(after);
    const { rows } = await inTenant(pool, tenantId, (client) =>
      client.query<{ count: number; version: number | null; exchangeId: string | null }>({
        name: 'count-old-exchanges',
        text: `WITH page AS MATERIALIZED (${OLD_ROWS} LIMIT ${COUNTED_ROWS})
               SELECT (SELECT count(DISTINCT exchange_id)::int FROM page) AS count,
                      last.version, last.exchange_id AS "exchangeId"
               FROM (SELECT 1) one LEFT JOIN LATERAL (
                 SELECT version, exchange_id FROM page ORDER BY version DESC, exchange_id DESC LIMIT 1
               ) last ON true`,
        values: [tenantId, olderThan, ...place],
      }),
    );
    const [page] = rows;
    if (!page || page.version === null || page.exchangeId === null) return count;
    count += page.count;
    after = { version: page.version, exchangeId: page.exchangeId };
  }
}

/** What is stored of an exchange: its texts, and what is embedded already. */
export type StoredExchange = Pick<NewExchange, 'user' | 'reply' | 'createdAt'> & {
  place: OldExchange;
  scope: Scope;
  /** The messages' embeddings, and those of passages that would be given the same ones again. */
  known: { user: number[]; reply: number[]; passages: EmbeddedPassage[] };
};

/** Whose a row is. */
type Owned = { agent_id: string; user_id: string };

/** Reads these exchanges, in this order, without those of which no message is there. */
export async function readExchanges(
  pool: pg.Pool,
  tenantId: string,
  places: readonly OldExchange[],
): Promise<StoredExchange[]> {
  const values = [tenantId, places.map(({ exchangeId }) => exchangeId)];
  const { messages, passages } = await inTenant(pool, tenantId, async (client) => ({
    messages: await client.query<MessageRow & Owned>({
      name: 'messages-to-renew',
      text: `SELECT id, exchange_id, agent_id, user_id, role, left(content, ${TEXT_CHARACTERS}) AS content,
                    created_at, vector_send(embedding) AS vector
             FROM conversation_embeddings WHERE tenant_id = $1 AND exchange_id = ANY ($2::uuid[])
             ORDER BY created_at, id`,
      values,
    }),
    passages: await client.query<PassageRow & Owned>({
      name: 'passages-to-renew',
      text: `SELECT exchange_id, agent_id, user_id, version, user_memory, reply_memory,
                    user_from, user_to, reply_from, reply_to, vector_send(embedding::vector) AS vector
             FROM exchange_passages WHERE tenant_id = $1 AND exchange_id = ANY ($2::uuid[]) ORDER BY part`,
      values,
    }),
  }));
  const messagesOf = Map.groupBy(messages.rows, (row) => row.exchange_id);
  const passagesOf = Map.groupBy(passages.rows, (row) => row.exchange_id);
  return places.flatMap((place) => {
    const { exchangeId } = place;
    return (
      toStored(tenantId, place, messagesOf.get(exchangeId) ?? [], passagesOf.get(exchangeId) ?? []) ?? []
    );
  });
}

/** The same, some at a time: those that are embedded together. */
export async function* readInGroups(
  pool: pg.Pool,
  tenantId: string,
  places: readonly OldExchange[],
): AsyncGenerator<StoredExchange[]> {
  const lengthOf = ({ user, reply }: StoredExchange) => (user?.text.length ?? 0) + (reply?.text.length ?? 0);
  for (let from = 0; from < places.length; from += EXCHANGES_AT_ONCE) {
    const some = places.slice(from, from + EXCHANGES_AT_ONCE);
    yield* inGroups(await readExchanges(pool, tenantId, some), lengthOf);
  }
}

function toStored(
  tenantId: string,
  place: OldExchange,
  messages: ReadonlyArray<MessageRow & Owned>,
  passages: ReadonlyArray<PassageRow & Owned>,
): StoredExchange | undefined {
  const [first] = passages;
  const own = messages.filter((row) => row.agent_id === first?.agent_id && row.user_id === first.user_id);
  // Another program may have stored several messages of one role: recall knows those that passages name.
  const known = new Set(passages.flatMap(({ user_memory, reply_memory }) => [user_memory, reply_memory]));
  const ofRole = (role: Role) => {
    const all = own.filter((row) => row.role === role);
    return all.find(({ id }) => known.has(id)) ?? all[0];
  };
  const [user, reply] = [ofRole('user'), ofRole('assistant')];
  const opening = user ?? reply;
  if (!opening) return undefined;
  const isFresh = passages.every(({ version }) => version >= VECTORS_SINCE);
  return {
    place,
    scope: { tenantId, agentId: opening.agent_id, userId: opening.user_id },
    user: user ? { memoryId: user.id, text: user.content } : null,
    reply: reply ? { memoryId: reply.id, text: reply.content } : null,
    createdAt: opening.created_at,
    known: {
      user: user ? [...fromSent(user.vector)] : [],
      reply: reply ? [...fromSent(reply.vector)] : [],
      passages: isFresh ? passages.map(toPassage) : [],
    },
  };
}

const toPassage = (row: PassageRow): EmbeddedPassage => ({
  user: { from: row.user_from, to: row.user_to },
  reply: { from: row.reply_from, to: row.reply_to },
  embedding: [...fromSent(row.vector)],
});

/**
 * Stores an exchange's new passages in the place of the old ones, in one transaction, and counts it. False,
 * and nothing is done, when it is no longer there or no longer old, when somebody is deleting it just now, or
 * when its texts could not be read.
 * Throws `InvalidEmbeddingError`.
 */
export async function renewExchange(
  pool: pg.Pool,
  reindex: ReindexKey,
  exchange: NewExchange,
): Promise<boolean> {
  const { exchangeId, user, reply } = exchange;
  const messages = [user, reply].flatMap((message) => message?.memoryId ?? []);
  // Its texts were not read in time: what there is holds more.
  if (exchange.derived.version === UNREAD_VERSION) return false;
  try {
    return await inTenant(pool, reindex.tenantId, async (client) => {
      const { rows } = await client.query<{ cleared: boolean }>({
        name: 'clear-old-passages',
        text: 'SELECT clear_old_passages($1, $2::uuid[]) AS cleared',
        values: [exchangeId, messages],
      });
      if (!rows[0]?.cleared) return false;
      await insertExchange(client, exchange);
      await countRenewed(client, reindex);
      return true;
    });
  } catch (error) {
    if (isHeld(error)) return false;
    throw error;
  }
}

/** A row that is asked for without waiting is held by another transaction. */
const isHeld = (error: unknown): boolean => Error.isError(error) && 'code' in error && error.code === '55P03';
