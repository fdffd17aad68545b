import type pg from 'pg';
import type { Role, Scope } from '../../domain/conversation.ts';
import type { Span } from '../text/passages.ts';
import type { ScannedScope } from '../ranking/score.ts';

/**
 * What a recall compares of a scope, newest first, so that its time is bounded in a scope that grows for
 * ever. It is exact within it.
 */
export type ScanLimits = {
  /** 50 exchanges a day reach it after almost three years. */
  passages: number;
  /**
   * What is compared, in bytes: of each passage its embedding with every vector, and its terms with every
   * mask. A passage of a long text, asked for by a long message, costs thirty times one of a short one: the
   * number of passages says little.
   */
  bytes: number;
  /** Passages to a statement: what was compared is looked at after each. */
  slice: number;
};

const SCAN_LIMITS: ScanLimits = { passages: 50_000, bytes: 200_000_000, slice: 4_000 };

/** What an embedding takes in its row: 384 halves, and a header. */
const EMBEDDING_BYTES = 776;
/** More of one moment in one slice: a message's passages have its time, and are not torn apart. */
const OF_ONE_MOMENT = 200;

/** One column of numbers each, in Postgres' binary form, as base64; null when there is no passage. */
type Packed = Record<'ids' | 'parts' | 'flags' | 'weights' | 'ats' | 'cosines' | 'masks', string | null>;
type SliceRow = Packed & { termBytes: number; oldest: string | null; more: boolean };

/** Postgres' binary timestamps count microseconds from here. */
const POSTGRES_EPOCH_MS = Date.UTC(2000, 0);

/** What was compared of a scope. `isPart`: the scope has older passages. */
export type Scan = { scanned: ScannedScope; isPart: boolean };

/**
 * Compares a query (its embeddings as vector literals, its terms as masks) with the passages of a scope, as
 * far as the limits let it and there is time; the best of the cosines counts. A slice comes as one row of
 * packed columns, since parsing 5,000 rows takes longer than finding them.
 */
export async function scanScope(
  client: pg.PoolClient,
  scope: Scope,
  query: { vectors: readonly string[]; masks: readonly string[]; hasTime?: (() => boolean) | undefined },
  limits = SCAN_LIMITS,
): Promise<Scan> {
  const { vectors, masks, hasTime = () => true } = query;
  const slices: SliceRow[] = [];
  let bytes = 0;
  let passages = 0;
  for (;;) {
    const before = slices.at(-1)?.oldest ?? 'infinity';
    const wanted = Math.min(limits.slice, limits.passages - passages);
    const { rows } = await client.query<SliceRow & { passages: number }>({
      name: `scan-scope-${vectors.length}-${masks.length}`,
      text: sliceStatement(vectors.length, masks.length),
      values: [scope.tenantId, scope.agentId, scope.userId, before, wanted, ...vectors, ...masks],
    });
    const [slice] = rows;
    if (!slice) throw new Error('the aggregate query returned no row');
    slices.push(slice);
    passages += slice.passages;
    bytes += slice.passages * vectors.length * EMBEDDING_BYTES + slice.termBytes * masks.length;
    const goesOn = slice.more && passages < limits.passages && bytes < limits.bytes && hasTime();
    if (!goesOn) return { scanned: unpack(slices, masks.length), isPart: slice.more };
  }
}

/** The newest passages of a scope before a time: so many, and what else is of the last one's moment. */
function sliceStatement(vectorCount: number, maskCount: number): string {
  const vectors = Array.from({ length: vectorCount }, (_, i) => `embedding <#> $${i + 6}::halfvec`);
  const masks = Array.from({ length: maskCount }, (_, i) => i);
  // Base64 is shorter and faster to decode than the hexadecimal that Postgres sends for bytea.
  // `<#>` is the negative inner product. `unpack` changes the sign back, which is cheaper there than here.
  const packed = (bytes: string) => `encode(string_agg(${bytes}, ''), 'base64')`;
  return `
    SELECT ${packed('uuid_send(exchange_id)')} AS ids, ${packed('int2send(part)')} AS parts, ${packed('int2send(flags)')} AS flags,
           ${packed('float4send(user_weight)')} AS weights,
           ${packed('timestamptz_send(created_at)')} AS ats, ${packed('float4send(minus_cosine)')} AS cosines,
           ${maskCount > 0 ? packed(masks.map((i) => `int4send(minus_mask${i})`).join(' || ')) : 'NULL'} AS masks,
           count(*)::int AS passages, coalesce(sum(term_bytes), 0)::int AS "termBytes",
           min(created_at)::text AS oldest,
           EXISTS (SELECT FROM exchange_passages older
                   WHERE older.tenant_id = $1 AND older.agent_id = $2 AND older.user_id = $3
                     AND older.created_at < min(compared.created_at)) AS more
    FROM (
      SELECT * FROM (
        SELECT exchange_id, part, flags, user_weight, created_at, least(${vectors.join(', ')})::real AS minus_cosine,
               pg_column_size(terms) AS term_bytes
               ${masks.map((i) => `, (terms <#> $${i + 6 + vectorCount}::sparsevec)::int AS minus_mask${i}`).join('')}
        FROM exchange_passages
        WHERE tenant_id = $1 AND agent_id = $2 AND user_id = $3 AND created_at < $4
        ORDER BY created_at DESC FETCH FIRST ($5::int) ROWS WITH TIES
      ) newest LIMIT $5::int + ${OF_ONE_MOMENT}
    ) compared`;
}

/** Decodes the columns. A DataView reads them several times faster than Buffer's own readers. */
function unpack(slices: readonly Packed[], maskCount: number): ScannedScope {
  const bytesOf = (column: keyof Packed) =>
    Buffer.concat(slices.map((slice) => Buffer.from(slice[column] ?? '', 'base64')));
  const viewOf = (column: keyof Packed) => {
    const bytes = bytesOf(column);
    return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  };
  const ids = bytesOf('ids');
  const [parts, flags, ats] = [viewOf('parts'), viewOf('flags'), viewOf('ats')];
  const [cosines, masks, weights] = [viewOf('cosines'), viewOf('masks'), viewOf('weights')];
  const count = ids.length / 16;
  const scanned = {
    exchangeIdOf: (row: number) => ids.toString('hex', row * 16, row * 16 + 16),
    parts: new Int16Array(count),
    flags: new Int16Array(count),
    userWeights: new Float32Array(count),
    ats: new Float64Array(count),
    cosines: new Float32Array(count),
    masks: Array.from({ length: maskCount }, () => new Int32Array(count)),
  };
  for (let row = 0; row < count; row += 1) {
    scanned.parts[row] = parts.getInt16(row * 2);
    scanned.flags[row] = flags.getInt16(row * 2);
    scanned.userWeights[row] = weights.getFloat32(row * 4);
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
