import type { Word } from './terms.ts';

/** One mask's sum of powers of two is exact: a float32 holds integers of 24 bits. */
const BITS_PER_MASK = 24;
/** The most that a search compares. A question of some 30 words takes three. */
const MAX_MASKS = 6;
/** As many usual words as there is room for; of numbers, of one piece each, there would be more. */
const MAX_WORDS = 48;
/** A query's word counts no more pieces than four bits can say. */
const MAX_COUNTED = 15;
/**
 * Width of `exchange_passages.terms`: pgvector's maximum for a
 * sparse vector, so that pieces rarely share a bucket.
 */
const BUCKETS = 1_000_000_000;
/** A row must fit on its page with all its pieces, 8 bytes each. */
const MAX_PIECES = 800;

/**
 * A query's word, and where its count stands in a mask's product: how many of its `pieces` a passage has, in
 * the bits from `shift` up.
 */
export type QueryWord = Pick<Word, 'word' | 'weight' | 'optional'> & {
  mask: number;
  shift: number;
  pieces: number;
};

export type QueryMasks = { masks: string[]; words: QueryWord[] };

/**
 * The words' pieces as a sparse vector literal for `exchange_passages.terms`. Each word's first piece, then
 * each word's second: if there are too many, every word keeps its beginning.
 */
export function toTermVector(words: readonly Pick<Word, 'pieces'>[]): string {
  const pieces = new Map<number, number>();
  const longest = words.reduce((most, word) => Math.max(most, word.pieces.length), 0);
  for (let nth = 0; nth < longest && pieces.size < MAX_PIECES; nth += 1) {
    for (const word of words) {
      const piece = word.pieces[nth];
      if (piece !== undefined && pieces.size < MAX_PIECES) pieces.set(bucketOf(piece), 1);
    }
  }
  return sparse(pieces);
}

/**
 * The query's words as masks: sparse vectors that give each of a word's pieces the same power of two. The
 * inner product with `exchange_passages.terms` then holds in the word's bits how many of them a passage has.
 * Of a long message the first and last words are asked: the question is mostly at one end.
 */
export function toQueryMasks(asked: readonly Word[]): QueryMasks {
  const masks: Array<Map<number, number>> = [];
  const words: QueryWord[] = [];
  let used = BITS_PER_MASK;
  for (const { word, weight, optional, pieces: all } of fromBothEnds(asked)) {
    const buckets = [...new Set(all.slice(0, MAX_COUNTED).map(bucketOf))];
    const bits = 32 - Math.clz32(buckets.length);
    if (bits === 0) continue;
    if (words.length === MAX_WORDS) break;
    if (used + bits > BITS_PER_MASK) {
      if (masks.length === MAX_MASKS) break;
      masks.push(new Map());
      used = 0;
    }
    const values = masks.at(-1);
    for (const bucket of buckets) values?.set(bucket, (values.get(bucket) ?? 0) + 2 ** used);
    words.push({ word, weight, optional, mask: masks.length - 1, shift: used, pieces: buckets.length });
    used += bits;
  }
  return { masks: masks.map(sparse), words };
}

/** The first, the last, the second, the last but one, and so on. */
function fromBothEnds<T>(values: readonly T[]): T[] {
  return values.map((_value, i) => values[i % 2 === 0 ? i / 2 : values.length - (i + 1) / 2] as T);
}

function sparse(values: ReadonlyMap<number, number>): string {
  return `{${[...values].map(([bucket, value]) => `${bucket}:${value}`).join(',')}}/${BUCKETS}`;
}

/**
 * FNV-1a over UTF-8, as a sparse vector's index, which counts
 * from 1. Stored rows depend on it: never change it.
 */
function bucketOf(piece: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(piece)) hash = Math.imul(hash ^ byte, 0x01000193);
  return ((hash >>> 0) % BUCKETS) + 1;
}
