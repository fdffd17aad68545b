import type pg from 'pg';
import { toSearchText } from './search-text.ts';
import { TERMS_PER_MASK } from '../ranking/score.ts';

/** Width of `exchange_passages.terms`: as many buckets as a sparse vector may have, so that words rarely share one. */
const BUCKETS = 1_000_000_000;
/** A row must fit its page with all its terms (8 bytes each); 180 words have fewer, Chinese ones with their pairs too. */
const MAX_TERMS = 700;
/** A long message's first and last terms are asked for, where the question mostly stands: 72 in all, three masks. */
const MAX_QUERY_TERMS = 3 * TERMS_PER_MASK;
const ASKED_FROM_EACH_END = 2_000;

/**
 * The distinct terms (lexemes) of each text, in the order in which they first stand in it, by script. English words are
 * stemmed, Arabic and Russian ones by their own rules, everything else is taken as it stands.
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

/** Postgres knows the order of some 16,000 words only, and a question has no use for what lies between. */
function endsOf(text: string): string {
  return text.length <= 2 * ASKED_FROM_EACH_END
    ? text
    : `${text.slice(0, ASKED_FROM_EACH_END)} ${text.slice(-ASKED_FROM_EACH_END)}`;
}

/** Terms as a sparse vector literal for `exchange_passages.terms`. */
export function toTermVector(terms: readonly string[]): string {
  return sparse(new Map(terms.slice(0, MAX_TERMS).map((term) => [bucketOf(term), 1])));
}

/**
 * The query's side: masks whose inner product with `exchange_passages.terms` is a sum of the powers of two
 * of the terms that match, 24 terms a mask since float32 holds such sums exactly.
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

/** FNV-1a over UTF-8, as an index that counts from 1. Stored rows depend on it: it must never change. */
function bucketOf(term: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(term)) hash = Math.imul(hash ^ byte, 0x01000193);
  return ((hash >>> 0) % BUCKETS) + 1;
}
