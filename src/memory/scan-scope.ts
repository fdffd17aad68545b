import type pg from 'pg';
import type { Role, Scope } from '../domain/conversation.ts';
import type { Span } from '../recall/passages.ts';
import type { ScannedScope } from '../recall/score.ts';

/**
 * How many passages a recall looks at: the newest. Within it every one is compared, so the result is exact;
 * it bounds the time of a recall in a scope that grows for ever. 50 exchanges a day fill it in almost three years.
 */
const SCAN_LIMIT = 50_000;

type ScanRow = {
  ids: Buffer;
  parts: Buffer;
  flags: Buffer;
  ats: Buffer;
  cosines: Buffer;
  masks: Buffer;
};

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
  const columns = [
    'exchange_id, part, flags, created_at, (-(embedding <#> $4::halfvec))::real AS cosine',
    ...masks.map((i) => `(-(terms <#> $${i + 5}::sparsevec))::int AS mask${i}`),
  ];
  const packedMasks = masks.map((i) => `int4send(mask${i})`).join(' || ');
  return `
    SELECT coalesce(string_agg(uuid_send(exchange_id), ''), '') AS ids, coalesce(string_agg(int2send(part), ''), '') AS parts,
           coalesce(string_agg(int2send(flags), ''), '') AS flags, coalesce(string_agg(timestamptz_send(created_at), ''), '') AS ats,
           coalesce(string_agg(float4send(cosine), ''), '') AS cosines,
           ${maskCount > 0 ? `coalesce(string_agg(${packedMasks}, ''), '')` : "''::bytea"} AS masks
    FROM (
      SELECT ${columns.join(', ')}
      FROM exchange_passages
      WHERE tenant_id = $1 AND agent_id = $2 AND user_id = $3
      ORDER BY created_at DESC LIMIT ${limit}
    ) compared`;
}

/** Reads the columns where they are. A DataView, since Buffer's own readers took four times as long. */
function unpack(packed: ScanRow, maskCount: number): ScannedScope {
  const { ids } = packed;
  const view = (bytes: Buffer) => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const [parts, flags, ats] = [view(packed.parts), view(packed.flags), view(packed.ats)];
  const [cosines, masks] = [view(packed.cosines), view(packed.masks)];
  return {
    count: ids.length / 16,
    exchangeIdOf: (i) => ids.toString('hex', i * 16, i * 16 + 16),
    partOf: (i) => parts.getInt16(i * 2),
    flagsOf: (i) => flags.getInt16(i * 2),
    atOf: (i) => POSTGRES_EPOCH_MS + (ats.getInt32(i * 8) * 2 ** 32 + ats.getUint32(i * 8 + 4)) / 1_000,
    cosineOf: (i) => cosines.getFloat32(i * 4),
    maskOf: (i, column) => masks.getInt32((i * maskCount + column) * 4),
  };
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
