import type pg from 'pg';
import { recordAudit, type AuditActor } from '../../db/audit.ts';
import type { Role, Scope, WindowMessage } from '../../domain/conversation.ts';
import { bytesBefore, HAS_ROOM } from '../../db/page.ts';
import { CREATED_AT, NIL_UUID, type Place } from '../../db/place.ts';
import { inTenant } from '../../db/tenant-transaction.ts';
import {
  EXPORT_PART_BYTES,
  FORMAT,
  FORMAT_VERSION,
  MODEL,
  type WrittenExchange,
  type WrittenLine,
} from './format.ts';
import type { MessageRow, PassageRow } from '../long-term/stored-rows.ts';

/** Exchanges that are read at once, and fewer where they fill a page (see `HAS_ROOM`). */
const PAGE = 50;
/** What an embedding takes in a line. */
const EMBEDDING_BYTES = 2_048;

export type ExportOptions = {
  /** The first message of the exchange that the part before has ended with. */
  after?: Place | undefined;
  /** The messages of the window; it goes into the first part. */
  window: readonly WindowMessage[];
  /** Whether the lines hold embeddings. */
  embeddings: boolean;
  /** The place of the next part as it stands in the last line. */
  toCursor: (place: Place) => string;
  /** What a part may take before it ends; 16 MB unless given. */
  partBytes?: number;
};

/**
 * The lines of a scope's memory, each with its line break. Reads a page at a time, in a transaction of its
 * own, and only when lines are taken: so it takes little memory, and a slow reader holds no connection. The
 * first page is read before the first line is given.
 */
export async function* exportMemory(
  pool: pg.Pool,
  scope: Scope,
  { after, window, embeddings, toCursor, partBytes = EXPORT_PART_BYTES }: ExportOptions,
): AsyncGenerator<string> {
  let bytes = 0;
  const written = (line: WrittenLine): string => {
    const text = `${JSON.stringify(line)}\n`;
    bytes += Buffer.byteLength(text);
    return text;
  };
  let place = after ?? { createdAt: '-infinity', id: NIL_UUID };
  let page = await readPage(pool, scope, place);
  yield written({
    type: 'header',
    format: FORMAT,
    version: FORMAT_VERSION,
    model: MODEL,
    exportedAt: new Date().toISOString(),
    tenantId: scope.tenantId,
    agentId: scope.agentId,
    userId: scope.userId,
  });
  for (const { role, content, messageId } of window) {
    const exchange = messageId === undefined ? {} : { exchange: messageId };
    yield written({ type: 'window', role, text: content.toWellFormed(), ...exchange });
  }
  let exchanges = 0;
  while (page.length > 0 && bytes < partBytes) {
    for (const { first, lines } of page) {
      for (const line of lines) {
        exchanges += 1;
        yield written(embeddings ? line : withoutEmbeddings(line));
      }
      place = first;
      if (bytes >= partBytes) break;
    }
    page = await readPage(pool, scope, place);
  }
  const nextCursor = page.length > 0 ? toCursor(place) : null;
  yield written({ type: 'end', exchanges, windowMessages: window.length, nextCursor });
}

/** Leaves the audit entry of an export. It is to be there before the first line leaves. */
export async function noteExport(pool: pg.Pool, scope: Scope, actor: AuditActor): Promise<void> {
  const { tenantId, agentId, userId } = scope;
  const target = { type: 'memory', agentId, userId } as const;
  await inTenant(pool, tenantId, (client) =>
    recordAudit(client, { tenantId, actor, action: 'memory.export', target, outcome: 'done' }),
  );
}

function withoutEmbeddings({ messages, passages: _, ...line }: WrittenExchange): WrittenExchange {
  return { ...line, messages: messages.map(({ embedding: __, ...message }) => message) };
}

type ExportedPassage = PassageRow & { part: number };

/** The next exchanges of a scope, by the time of their first messages. */
async function readPage(
  pool: pg.Pool,
  { tenantId, agentId, userId }: Scope,
  after: Place,
): Promise<Array<{ first: Place; lines: WrittenExchange[] }>> {
  return inTenant(pool, tenantId, async (client) => {
    const { rows: firsts } = await client.query<Place & { exchange_id: string }>({
      name: 'export-page',
      text: FIRST_MESSAGES,
      values: [tenantId, agentId, userId, after.createdAt, after.id, PAGE],
    });
    const ids = firsts.map(({ exchange_id }) => exchange_id);
    const values = [tenantId, agentId, userId, ids];
    const { rows: messages } = await client.query<MessageRow>({
      name: 'export-messages',
      text: `SELECT id, exchange_id, role, content, created_at, vector_send(embedding) AS vector
             FROM conversation_embeddings
             WHERE tenant_id = $1 AND agent_id = $2 AND user_id = $3 AND exchange_id = ANY ($4::uuid[])
             ORDER BY created_at, role DESC, id`,
      values,
    });
    const { rows: passages } = await client.query<ExportedPassage>({
      name: 'export-passages',
      text: `SELECT exchange_id, part, version, user_memory, reply_memory, user_from, user_to, reply_from, reply_to,
                    vector_send(embedding::vector) AS vector
             FROM exchange_passages
             WHERE tenant_id = $1 AND agent_id = $2 AND user_id = $3 AND exchange_id = ANY ($4::uuid[])
             ORDER BY part`,
      values,
    });
    const messagesOf = Map.groupBy(messages, (row) => row.exchange_id);
    const passagesOf = Map.groupBy(passages, (row) => row.exchange_id);
    return firsts.map(({ exchange_id: id, createdAt, id: firstId }) => ({
      first: { createdAt, id: firstId },
      lines: toLines(id, messagesOf.get(id) ?? [], passagesOf.get(id) ?? []),
    }));
  });
}

/*
 * An exchange's other messages are found by its id, a few rows. IS NOT DISTINCT FROM keeps Postgres from
 * going through all of the scope for each instead, which it does while it has no statistics of new rows.
 */
const FIRST_MESSAGES = `
  SELECT id, exchange_id, ${CREATED_AT}
  FROM (
    SELECT f.*, ${bytesBefore({ bytes: 'm.bytes + p.bytes', order: 'f.created_at, f.id' })}
    FROM (
      SELECT id, exchange_id, created_at
      FROM conversation_embeddings m
      WHERE tenant_id = $1 AND agent_id = $2 AND user_id = $3 AND (created_at, id) > ($4::timestamptz, $5::uuid)
        AND NOT EXISTS (
          SELECT FROM conversation_embeddings o
          WHERE o.tenant_id = $1 AND o.exchange_id = m.exchange_id
            AND o.agent_id IS NOT DISTINCT FROM $2 AND o.user_id IS NOT DISTINCT FROM $3
            AND (o.created_at, o.id) < (m.created_at, m.id))
      ORDER BY m.created_at, m.id LIMIT $6
    ) f
    CROSS JOIN LATERAL (
      SELECT sum(octet_length(content) + ${EMBEDDING_BYTES}) AS bytes FROM conversation_embeddings o
      WHERE o.tenant_id = $1 AND o.exchange_id = f.exchange_id
        AND o.agent_id IS NOT DISTINCT FROM $2 AND o.user_id IS NOT DISTINCT FROM $3) m
    CROSS JOIN LATERAL (
      SELECT count(*) * ${EMBEDDING_BYTES} AS bytes FROM exchange_passages o
      WHERE o.tenant_id = $1 AND o.exchange_id = f.exchange_id) p
  ) counted
  WHERE ${HAS_ROOM} ORDER BY created_at, id`;
/**
 * An exchange's line. Another program may have stored several messages of one role in an exchange: each that
 * recall doesn't know gets a line of its own.
 */
function toLines(
  id: string,
  rows: readonly MessageRow[],
  passages: readonly ExportedPassage[],
): WrittenExchange[] {
  const known = new Set(passages.flatMap(({ user_memory, reply_memory }) => [user_memory, reply_memory]));
  const ofRole = (role: Role) => {
    const own = rows.filter((row) => row.role === role);
    return own.find((row) => known.has(row.id)) ?? own[0];
  };
  const pair = [ofRole('user'), ofRole('assistant')].flatMap((row) => row ?? []);
  const others = rows.filter((row) => !pair.includes(row));
  return [
    {
      type: 'exchange',
      id,
      messages: pair.map(toMessage),
      passages: passages.map((row) => ({
        part: row.part,
        user: [row.user_from, row.user_to],
        reply: [row.reply_from, row.reply_to],
        embedding: toBase64(row.vector),
        version: row.version,
      })),
    },
    ...others.map((row): WrittenExchange => ({ type: 'exchange', id: row.id, messages: [toMessage(row)] })),
  ];
}

const toMessage = (row: MessageRow) => ({
  role: row.role,
  at: row.created_at.toISOString(),
  text: row.content,
  embedding: toBase64(row.vector),
});

/** Postgres sends a vector's width in four bytes, and then big-endian float32. */
const toBase64 = (vector: Buffer): string => vector.subarray(4).swap32().toString('base64');
