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
  ids: Buffer | null;
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
  const scan = async (order: 'any' | 'newest'): Promise<ScannedScope> => {
    const { rows } = await client.query<ScanRow>({
      name: `scan-scope-${order}-${masks.length}-${limit}`,
      text: scanStatement(masks.length, order, limit),
      values: [scope.tenantId, scope.agentId, scope.userId, queryVector, ...masks],
    });
    const [row] = rows;
    return row?.ids ? unpack(row, row.ids, masks.length) : NO_PASSAGES;
  };
  // Only a scope beyond the limit must be sorted for it; for all others that would be a sixth of the time.
  const scanned = await scan('any');
  return scanned.ats.length < limit ? scanned : scan('newest');
}

function scanStatement(maskCount: number, order: 'any' | 'newest', limit: number): string {
  const masks = Array.from({ length: maskCount }, (_, i) => i);
  const columns = [
    'exchange_id, part, flags, created_at, (-(embedding <#> $4::halfvec))::real AS cosine',
    ...masks.map((i) => `(-(terms <#> $${i + 5}::sparsevec))::int AS mask${i}`),
  ];
  const packedMasks = masks.map((i) => `int4send(mask${i})`).join(' || ');
  return `
    SELECT string_agg(uuid_send(exchange_id), '') AS ids, string_agg(int2send(part), '') AS parts,
           string_agg(int2send(flags), '') AS flags, string_agg(timestamptz_send(created_at), '') AS ats,
           string_agg(float4send(cosine), '') AS cosines,
           ${maskCount > 0 ? `string_agg(${packedMasks}, '')` : "''::bytea"} AS masks
    FROM (
      SELECT ${columns.join(', ')}
      FROM exchange_passages
      WHERE tenant_id = $1 AND agent_id = $2 AND user_id = $3
      ${order === 'newest' ? 'ORDER BY created_at DESC' : ''}
      LIMIT ${limit}
    ) compared`;
}

const NO_PASSAGES: ScannedScope = {
  exchangeIdOf: () => '',
  parts: [],
  flags: [],
  ats: [],
  cosines: [],
  masks: [],
};

function unpack(row: ScanRow, ids: Buffer, maskCount: number): ScannedScope {
  return {
    exchangeIdOf: (i) => ids.toString('hex', i * 16, i * 16 + 16),
    parts: numbersIn(row.parts, 2, (view, at) => view.getInt16(at)),
    flags: numbersIn(row.flags, 2, (view, at) => view.getInt16(at)),
    ats: numbersIn(
      row.ats,
      8,
      (view, at) => POSTGRES_EPOCH_MS + (view.getInt32(at) * 2 ** 32 + view.getUint32(at + 4)) / 1_000,
    ),
    cosines: numbersIn(row.cosines, 4, (view, at) => view.getFloat32(at)),
    masks: Array.from({ length: maskCount }, (_, c) =>
      numbersIn(row.masks, 4 * maskCount, (view, at) => view.getInt32(at + 4 * c)),
    ),
  };
}

/** One number from each `stride` bytes. A DataView, since Buffer's own readers took four times as long. */
function numbersIn(bytes: Buffer, stride: number, read: (view: DataView, at: number) => number): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const numbers: number[] = [];
  for (let at = 0; at < bytes.length; at += stride) numbers.push(read(view, at));
  return numbers;
}

/** An exchange's texts as they are to be quoted: cut down to the passage. */
export type PassageTexts = {
  user?: QuotedMessage & { cosine: number; embedding: number[] };
  reply?: QuotedMessage;
};
export type QuotedMessage = { content: string; createdAt: string };

type TextRow = {
  exchange_id: string;
  part: number;
  role: Role;
  content: string;
  from: number;
  to: number;
  created_at: Date;
  cosine: number;
  embedding: string | null;
};

/** The texts of passages with their likeness to `queryVector`, by exchange (as `ScoredPassage.exchangeId`) and part. */
export async function findTexts(
  client: pg.PoolClient,
  scope: Scope,
  wanted: ReadonlyArray<{ exchangeId: string; part: number }>,
  queryVector: string,
): Promise<Map<string, PassageTexts>> {
  const texts = new Map<string, PassageTexts>();
  if (wanted.length === 0) return texts;
  // Agent and user are compared in a form that no index has: without statistics the planner would read the whole
  // scope by its index and throw most of it away, instead of fetching these few rows by their keys.
  const { rows } = await client.query<TextRow>({
    name: 'passage-texts',
    text: `SELECT replace(p.exchange_id::text, '-', '') AS exchange_id, p.part, m.role, m.content,
                  CASE m.role WHEN 'user' THEN p.user_from ELSE p.reply_from END AS from,
                  CASE m.role WHEN 'user' THEN p.user_to ELSE p.reply_to END AS to,
                  m.created_at, 1 - (m.embedding <=> $4::vector) AS cosine,
                  CASE m.role WHEN 'user' THEN m.embedding::text END AS embedding
           FROM unnest($2::uuid[], $3::int[]) w (exchange_id, part)
           JOIN exchange_passages p ON p.tenant_id = $1 AND p.exchange_id = w.exchange_id AND p.part = w.part
           JOIN conversation_embeddings m ON m.tenant_id = $1 AND m.id IN (p.user_memory, p.reply_memory)
           WHERE m.agent_id::text = $5::text AND m.user_id || '' = $6`,
    values: [
      scope.tenantId,
      wanted.map(({ exchangeId }) => exchangeId),
      wanted.map(({ part }) => part),
      queryVector,
      scope.agentId,
      scope.userId,
    ],
  });
  for (const row of rows) {
    const key = passageKey({ exchangeId: row.exchange_id, part: row.part });
    const entry = texts.get(key) ?? {};
    const content = cut(row.content, row);
    if (content !== '') {
      const message = { content, createdAt: row.created_at.toISOString() };
      if (row.role === 'assistant') entry.reply = message;
      else
        entry.user = {
          ...message,
          cosine: row.cosine,
          embedding: JSON.parse(row.embedding ?? '[]') as number[],
        };
    }
    texts.set(key, entry);
  }
  return texts;
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
