import type pg from 'pg';
import { toSearchText } from './search-text.ts';

/** The query's terms in one mask: float32 holds sums of 24 powers of two exactly. */
export const TERMS_PER_MASK = 24;
/**
 * Width of `exchange_passages.terms`: pgvector's maximum for a
 * sparse vector, so that terms rarely share a bucket.
 */
const BUCKETS = 1_000_000_000;
/**
 * A row must fit on its page with all its terms, 8 bytes each.
 * A passage of 180 words has fewer, also in Chinese.
 */
const MAX_TERMS = 700;
/**
 * At most three masks. Of a long message the first and last
 * terms are used: the question is mostly at one end.
 */
const MAX_QUERY_TERMS = 3 * TERMS_PER_MASK;
const CHARACTERS_FROM_EACH_END = 2_000;

/**
 * The distinct terms (Postgres' lexemes) of each text, by script and then by first occurrence. Arabic and
 * Russian words are stemmed by their own rules, all others by the English ones.
 */
export async function termsOf(
  client: pg.PoolClient,
  texts: readonly string[],
  side: 'stored' | 'asked',
): Promise<string[][]> {
  const prepared = texts.map((text) => toSearchText(side === 'asked' ? endsOf(text) : text, side));
  const { rows } = await client.query<{ terms: string[] }>({
    name: 'terms-of',
    text: `SELECT ARRAY(SELECT lexeme
                        FROM unnest(to_tsvector('english', english) || to_tsvector('arabic', arabic)
                                    || to_tsvector('russian', russian))
                        ORDER BY positions[1], lexeme) AS terms
           FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY t (english, arabic, russian, i)
           ORDER BY i`,
    values: [
      prepared.map(({ english }) => english),
      prepared.map(({ arabic }) => arabic),
      prepared.map(({ russian }) => russian),
    ],
  });
  return rows.map(({ terms }) => terms);
}

/** A tsvector keeps positions up to 16,383 only, so the terms of a longer text would lose their order. */
function endsOf(text: string): string {
  return text.length <= 2 * CHARACTERS_FROM_EACH_END
    ? text
    : `${text.slice(0, CHARACTERS_FROM_EACH_END)} ${text.slice(-CHARACTERS_FROM_EACH_END)}`;
}

/** Terms as a sparse vector literal for `exchange_passages.terms`. */
export function toTermVector(terms: readonly string[]): string {
  return sparse(new Map(terms.slice(0, MAX_TERMS).map((term) => [bucketOf(term), 1])));
}

/**
 * The query's terms as masks: sparse vectors that give the i-th term the value 2^i. The inner product with
 * `exchange_passages.terms` is then a bit mask of the terms that a passage has.
 */
export function toQueryMasks(terms: readonly string[]): { masks: string[]; termCount: number } {
  const half = MAX_QUERY_TERMS / 2;
  const asked = terms.length <= MAX_QUERY_TERMS ? terms : [...terms.slice(0, half), ...terms.slice(-half)];
  const buckets = [...new Set(asked.map(bucketOf))];
  const masks: string[] = [];
  for (let from = 0; from < buckets.length; from += TERMS_PER_MASK) {
    const part = buckets.slice(from, from + TERMS_PER_MASK);
    masks.push(sparse(new Map(part.map((bucket, bit) => [bucket, 2 ** bit]))));
  }
  return { masks, termCount: buckets.length };
}

function sparse(values: ReadonlyMap<number, number>): string {
  return `{${[...values].map(([bucket, value]) => `${bucket}:${value}`).join(',')}}/${BUCKETS}`;
}

/**
 * FNV-1a over UTF-8, as a sparse vector's index, which counts
 * from 1. Stored rows depend on it: never change it.
 */
function bucketOf(term: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(term)) hash = Math.imul(hash ^ byte, 0x01000193);
  return ((hash >>> 0) % BUCKETS) + 1;
}
