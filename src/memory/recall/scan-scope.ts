import type pg from 'pg';
import type { Role, Scope } from '../../domain/conversation.ts';
import type { Span } from '../text/passages.ts';
import type { ScannedScope } from '../ranking/score.ts';

/**
 * A recall compares the scope's newest passages up to this number, each of them, so the result is exact
 * within it. The limit bounds the time of a recall in a scope that grows for ever. 50 exchanges a day reach
 * it after almost three years.
 */
const SCAN_LIMIT = 50_000;

/** One column of numbers each, in Postgres' binary form, as base64; null when the scope is empty. */
type ScanRow = Record<'ids' | 'parts' | 'flags' | 'ats' | 'cosines' | 'masks', string | null>;

/** Postgres' binary timestamps count microseconds from here. */
const POSTGRES_EPOCH_MS = Date.UTC(2000, 0);

/**
 * Compares a query (its embedding as a vector literal, its terms as masks) with every passage of a scope. The
 * result comes as one row of packed columns, since parsing 5,000 rows takes longer than finding them.
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
  if (!packed) throw new Error('the aggregate query returned no row');
  return unpack(packed, masks.length);
}

function scanStatement(maskCount: number, limit: number): string {
  const masks = Array.from({ length: maskCount }, (_, i) => i);
  // Base64 is shorter and faster to decode than the hexadecimal that Postgres sends for bytea.
  // `<#>` is the negative inner product. `unpack` changes the sign back, which is cheaper there than here.
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

/** Decodes the columns. A DataView reads them several times faster than Buffer's own readers. */
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

/** The texts of a passage as they are quoted: each message cut down to the passage's span. */
export type PassageTexts = { user?: QuotedMessage & Similarity; reply?: QuotedMessage };
/**
 * Cosine similarity of a user's message and the query, and the
 * message's embedding; absent when not asked for.
 */
export type Similarity = { cosine?: number; embedding?: number[] };
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
 * Fetches the texts of passages, keyed by `passageKey`. With a
 * query's vector, each user's message also gets its `Similarity`.
 */
export async function findTexts(
  client: pg.PoolClient,
  scope: Scope,
  wanted: ReadonlyArray<{ exchangeId: string; part: number }>,
  queryVector?: string,
): Promise<Map<string, PassageTexts>> {
  const texts = new Map<string, PassageTexts>();
  if (wanted.length === 0) return texts;
  const similarity = `, 1 - (m.embedding <=> $6::vector) AS cosine,
                  CASE m.role WHEN 'user' THEN vector_send(m.embedding) END AS embedding`;
  // Keeps the planner on the primary keys: agent and user are compared in a form that no index covers, and
  // the exchange ids are given twice. On a table without statistics it would otherwise read a whole scope
  // or tenant and discard most of it.
  const { rows } = await client.query<TextRow>({
    name: queryVector === undefined ? 'passage-texts' : 'passage-texts-similarity',
    text: `SELECT replace(p.exchange_id::text, '-', '') AS exchange_id, p.part, m.role, m.content,
                  CASE m.role WHEN 'user' THEN p.user_from ELSE p.reply_from END AS from,
                  CASE m.role WHEN 'user' THEN p.user_to ELSE p.reply_to END AS to,
                  m.created_at ${queryVector === undefined ? '' : similarity}
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
      else entry.user = { ...message, ...similarityOf(row) };
    }
    texts.set(key, entry);
  }
  return texts;
}

function similarityOf({ cosine, embedding }: TextRow): Similarity {
  if (cosine === undefined || !embedding) return {};
  // pgvector's binary form: two 16-bit integers (width, unused), then big-endian float32 values.
  const floats = Array.from({ length: (embedding.length - 4) / 4 }, (_, d) =>
    embedding.readFloatBE(4 + 4 * d),
  );
  return { cosine, embedding: floats };
}

export function passageKey({ exchangeId, part }: { exchangeId: string; part: number }): string {
  return `${exchangeId} ${part}`;
}

/** `ScoredPassage.exchangeId` (32 hexadecimal digits) as a UUID with dashes. */
export function withDashes(hex: string): string {
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** The span of a text, with an ellipsis on each side where the text continues. */
function cut(text: string, { from, to }: Span): string {
  const piece = text.slice(from, to).trim();
  if (piece === '') return '';
  return `${from > 0 ? '… ' : ''}${piece}${to < text.length ? ' …' : ''}`;
}
