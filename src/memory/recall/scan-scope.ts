import type pg from 'pg';
import type { Scope } from '../../domain/conversation.ts';
import type { ScannedScope } from '../ranking/score.ts';
import { WITHOUT_AGENT, WITHOUT_USER } from '../text/questions.ts';

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
type SliceRow = Packed & { passages: number; termBytes: number; oldest: string | null; more: boolean };

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
    const { rows } = await client.query<SliceRow>({
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

/** A passage's flags, with those that say who speaks in it. */
const FLAGS = `(flags | CASE WHEN user_memory IS NULL THEN ${WITHOUT_USER} ELSE 0 END
                      | CASE WHEN reply_memory IS NULL THEN ${WITHOUT_AGENT} ELSE 0 END)::int2`;

/** The newest passages of a scope before a time: so many, and what else is of the last one's moment. */
function sliceStatement(vectorCount: number, maskCount: number): string {
  const vectors = Array.from({ length: vectorCount }, (_, i) => `inner_product(embedding, $${i + 6})`);
  const masks = Array.from({ length: maskCount }, (_, i) => i);
  // Base64 is shorter and faster to decode than the hexadecimal that Postgres sends for bytea.
  // Every passage meets the last condition. By it Postgres reads a row's vector before it looks for what is
  // behind it, which is in the processor's cache by then: that takes a tenth off the statement's time.
  const packed = (bytes: string) => `encode(string_agg(${bytes}, ''), 'base64')`;
  return `
    SELECT ${packed('uuid_send(exchange_id)')} AS ids, ${packed('int2send(part)')} AS parts, ${packed(`int2send(${FLAGS})`)} AS flags,
           ${packed('float4send(user_weight)')} AS weights,
           ${packed('timestamptz_send(created_at)')} AS ats, ${packed('float4send(cosine)')} AS cosines,
           ${maskCount > 0 ? packed(masks.map((i) => `int4send(mask${i})`).join(' || ')) : 'NULL'} AS masks,
           count(*)::int AS passages, coalesce(sum(term_bytes), 0)::int AS "termBytes",
           min(created_at)::text AS oldest,
           EXISTS (SELECT FROM exchange_passages older
                   WHERE older.tenant_id = $1 AND older.agent_id = $2 AND older.user_id = $3
                     AND older.created_at < min(compared.created_at)) AS more
    FROM (
      SELECT * FROM (
        SELECT exchange_id, part, flags, user_memory, reply_memory, user_weight, created_at, greatest(${vectors.join(', ')})::real AS cosine,
               pg_column_size(terms) AS term_bytes
               ${masks.map((i) => `, inner_product(terms, $${i + 6 + vectorCount})::int AS mask${i}`).join('')}
        FROM exchange_passages
        WHERE tenant_id = $1 AND agent_id = $2 AND user_id = $3 AND created_at < $4 AND ${vectors[0]} > '-infinity'
        ORDER BY created_at DESC FETCH FIRST ($5::int) ROWS WITH TIES
      ) newest LIMIT $5::int + ${OF_ONE_MOMENT}
    ) compared`;
}

/** Decodes each column into memory of its own, which is then read as it stands: that allocates least. */
function unpack(slices: readonly SliceRow[], maskCount: number): ScannedScope {
  const count = slices.reduce((sum, { passages }) => sum + passages, 0);
  const bytesOf = (column: keyof Packed, size: number): Buffer<ArrayBuffer> => {
    const bytes = Buffer.alloc(count * size);
    let at = 0;
    for (const slice of slices) at += bytes.write(slice[column] ?? '', at, 'base64');
    return bytes;
  };
  const ids = bytesOf('ids', 16);
  const times = new DataView(bytesOf('ats', 8).buffer);
  const ats = new Float64Array(count);
  for (let row = 0; row < count; row += 1) {
    const microseconds = times.getInt32(row * 8) * 2 ** 32 + times.getUint32(row * 8 + 4);
    ats[row] = POSTGRES_EPOCH_MS + microseconds / 1_000;
  }
  const products = new Int32Array(bytesOf('masks', 4 * maskCount).swap32().buffer);
  return {
    exchangeIdOf: (row) => ids.toString('hex', row * 16, row * 16 + 16),
    parts: new Int16Array(bytesOf('parts', 2).swap16().buffer),
    flags: new Int16Array(bytesOf('flags', 2).swap16().buffer),
    userWeights: new Float32Array(bytesOf('weights', 4).swap32().buffer),
    ats,
    cosines: new Float32Array(bytesOf('cosines', 4).swap32().buffer),
    masks: Array.from({ length: maskCount }, (_, nth) => everyNth(products, nth, maskCount)),
  };
}

function everyNth(values: Int32Array, first: number, step: number): Int32Array {
  const chosen = new Int32Array(values.length / step);
  for (let i = 0; i < chosen.length; i += 1) chosen[i] = values[first + i * step] ?? 0;
  return chosen;
}
