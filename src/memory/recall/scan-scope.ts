import type pg from 'pg';
import type { Role, Scope } from '../../domain/conversation.ts';
import type { Span } from '../text/passages.ts';
import type { ScannedScope } from '../ranking/score.ts';

/**
 * How many passages a recall looks at: the newest. Within it every one is compared, so the result is exact;
 * it bounds the time of a recall in a scope that grows for ever. 50 exchanges a day fill it in almost three years.
 */
const SCAN_LIMIT = 50_000;

/** Columns of numbers in Postgres' binary form, as base64; null where the scope is empty. */
type ScanRow = Record<'ids' | 'parts' | 'flags' | 'ats' | 'cosines' | 'masks', string | null>;

/** Microseconds from 1970 to 2000, where Postgres' binary timestamps begin. */
const POSTGRES_EPOCH_MS = Date.UTC(2000, 0);

/**
 * Compares a query (its embedding as a vector literal, its masks) with every passage of a scope. The rows come as one row of
 * packed columns: parsing 5,000 rows one by one would take longer than finding them.
 */
export async function scanScope(
  client: pg.PoolClient,
  scope: Scope,
  queryVector: string,
  masks: readonly string[],
  limit = SCAN_LIMIT,
): Promise<ScannedScope> {
  const { rows } = await client.query<ScanRow>({
    name: `scan-scope-${masks.length}-${limit}`,
    text: scanStatement(masks.length, limit),
    values: [scope.tenantId, scope.agentId, scope.userId, queryVector, ...masks],
  });
  const [packed] = rows;
  if (!packed) throw new Error('an aggregate came without a row');
  return unpack(packed, masks.length);
}

function scanStatement(maskCount: number, limit: number): string {
  const masks = Array.from({ length: maskCount }, (_, i) => i);
  // Base64 is shorter and sooner read than the hexadecimal that binary results come in. The operator gives a product with its
  // sign changed; it is changed back where it is read, since here that took 0.2 ms a column of 5,000.
  const packed = (bytes: string) => `encode(string_agg(${bytes}, ''), 'base64')`;
  return `
    SELECT ${packed('uuid_send(exchange_id)')} AS ids, ${packed('int2send(part)')} AS parts, ${packed('int2send(flags)')} AS flags,
           ${packed('timestamptz_send(created_at)')} AS ats, ${packed('float4send(minus_cosine)')} AS cosines,
           ${maskCount > 0 ? packed(masks.map((i) => `int4send(minus_mask${i})`).join(' || ')) : 'NULL'} AS masks
    FROM (
      SELECT exchange_id, part, flags, created_at, (embedding <#> $4::halfvec)::real AS minus_cosine
             ${masks.map((i) => `, (terms <#> $${i + 5}::sparsevec)::int AS minus_mask${i}`).join('')}
      FROM exchange_passages
      WHERE tenant_id = $1 AND agent_id = $2 AND user_id = $3
      ORDER BY created_at DESC LIMIT ${limit}
    ) compared`;
}

/** The columns as numbers. By a DataView, since Buffer's own readers took four times as long. */
function unpack(packed: ScanRow, maskCount: number): ScannedScope {
  const bytesOf = (column: string | null) => Buffer.from(column ?? '', 'base64');
  const viewOf = (column: string | null) => {
    const bytes = bytesOf(column);
    return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  };
  const ids = bytesOf(packed.ids);
  const [parts, flags, ats] = [viewOf(packed.parts), viewOf(packed.flags), viewOf(packed.ats)];
  const [cosines, masks] = [viewOf(packed.cosines), viewOf(packed.masks)];
  const count = ids.length / 16;
  const scanned = {
    exchangeIdOf: (row: number) => ids.toString('hex', row * 16, row * 16 + 16),
    parts: new Int16Array(count),
    flags: new Int16Array(count),
    ats: new Float64Array(count),
    cosines: new Float32Array(count),
    masks: Array.from({ length: maskCount }, () => new Int32Array(count)),
  };
  for (let row = 0; row < count; row += 1) {
    scanned.parts[row] = parts.getInt16(row * 2);
    scanned.flags[row] = flags.getInt16(row * 2);
    const microseconds = ats.getInt32(row * 8) * 2 ** 32 + ats.getUint32(row * 8 + 4);
    scanned.ats[row] = POSTGRES_EPOCH_MS + microseconds / 1_000;
    scanned.cosines[row] = -cosines.getFloat32(row * 4);
  }
  scanned.masks.forEach((column, nth) => {
    for (let row = 0; row < count; row += 1) column[row] = -masks.getInt32((row * maskCount + nth) * 4);
  });
  return scanned;
}

/** An exchange's texts as they are to be quoted: cut down to the passage. */
export type PassageTexts = { user?: QuotedMessage & Likeness; reply?: QuotedMessage };
/** How like a user's message is to the query, and its embedding; nothing where it wasn't asked for. */
export type Likeness = { cosine?: number; embedding?: number[] };
export type QuotedMessage = { content: string; createdAt: string };

type TextRow = {
  exchange_id: string;
  part: number;
  role: Role;
  content: string;
  from: number;
  to: number;
  created_at: Date;
  cosine?: number;
  embedding?: Buffer | null;
};

/**
 * The texts of passages, by exchange (as `ScoredPassage.exchangeId`) and part; with a query's vector also how like
 * it each user's message is.
 */
export async function findTexts(
  client: pg.PoolClient,
  scope: Scope,
  wanted: ReadonlyArray<{ exchangeId: string; part: number }>,
  queryVector?: string,
): Promise<Map<string, PassageTexts>> {
  const texts = new Map<string, PassageTexts>();
  if (wanted.length === 0) return texts;
  const likeness = `, 1 - (m.embedding <=> $6::vector) AS cosine,
                  CASE m.role WHEN 'user' THEN vector_send(m.embedding) END AS embedding`;
  // Agent and user are compared in a form that no index has, and the keys are given once more: without statistics the
  // planner would read all of a scope or tenant and throw most of it away, instead of fetching these few rows by key.
  const { rows } = await client.query<TextRow>({
    name: queryVector === undefined ? 'passage-texts' : 'passage-texts-likeness',
    text: `SELECT replace(p.exchange_id::text, '-', '') AS exchange_id, p.part, m.role, m.content,
                  CASE m.role WHEN 'user' THEN p.user_from ELSE p.reply_from END AS from,
                  CASE m.role WHEN 'user' THEN p.user_to ELSE p.reply_to END AS to,
                  m.created_at ${queryVector === undefined ? '' : likeness}
           FROM unnest($2::uuid[], $3::int[]) w (exchange_id, part)
           JOIN exchange_passages p ON p.tenant_id = $1 AND p.exchange_id = w.exchange_id AND p.part = w.part
           JOIN conversation_embeddings m ON m.tenant_id = $1 AND m.id IN (p.user_memory, p.reply_memory)
           WHERE p.exchange_id = ANY($2) AND m.agent_id::text = $4::text AND m.user_id || '' = $5`,
    values: [
      scope.tenantId,
      wanted.map(({ exchangeId }) => exchangeId),
      wanted.map(({ part }) => part),
      scope.agentId,
      scope.userId,
      ...(queryVector === undefined ? [] : [queryVector]),
    ],
  });
  for (const row of rows) {
    const key = passageKey({ exchangeId: row.exchange_id, part: row.part });
    const entry = texts.get(key) ?? {};
    const content = cut(row.content, row);
    if (content !== '') {
      const message = { content, createdAt: row.created_at.toISOString() };
      if (row.role === 'assistant') entry.reply = message;
      else entry.user = { ...message, ...likenessOf(row) };
    }
    texts.set(key, entry);
  }
  return texts;
}

function likenessOf({ cosine, embedding }: TextRow): Likeness {
  if (cosine === undefined || !embedding) return {};
  // pgvector's binary form: two numbers of 16 bits, then the floats.
  const floats = Array.from({ length: (embedding.length - 4) / 4 }, (_, d) =>
    embedding.readFloatBE(4 + 4 * d),
  );
  return { cosine, embedding: floats };
}

export function passageKey({ exchangeId, part }: { exchangeId: string; part: number }): string {
  return `${exchangeId} ${part}`;
}

/** `ScoredPassage.exchangeId` as a UUID is usually written. */
export function withDashes(hex: string): string {
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** A piece of a longer text shows that it is one. */
function cut(text: string, { from, to }: Span): string {
  const piece = text.slice(from, to).trim();
  if (piece === '') return '';
  return `${from > 0 ? '… ' : ''}${piece}${to < text.length ? ' …' : ''}`;
}
