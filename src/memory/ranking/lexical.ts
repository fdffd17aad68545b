import { TERMS_PER_MASK } from '../text/search-terms.ts';
import type { TimeRange } from '../text/time-range.ts';
import { followsOn } from './sessions.ts';

/** The query's number of distinct terms, and the time that it mentions. */
export type LexicalQuery = { termCount: number; range: TimeRange | null };

// Tuned on the recall benchmark (docs/MEMORY.md). The results are not sensitive to small changes.
const TERM_IN_PREVIOUS = 0.6;
const TERM_IN_NEXT = 0.4;
const LATE_MENTION_MS = 7 * 86_400_000;
const LATE_MENTION = 0.5;
/**
 * Smoothing: in a scope of a few exchanges every word would look common, so this many empty ones are added.
 */
const SMOOTHING_EXCHANGES = 10;

/**
 * The lexical score of each place in time order, 0 to 1: the weights of the terms that the passage has, and
 * of a time that it matches, as a share of all weights.
 */
export function lexicalScores(
  masks: readonly Int32Array[],
  ats: Float64Array,
  query: LexicalQuery,
): Float64Array {
  const scores = new Float64Array(ats.length);
  let maximum = addRange(scores, ats, query.range);
  masks.forEach((mask, column) => {
    const weights = weightsOf(mask, Math.min(TERMS_PER_MASK, query.termCount - column * TERMS_PER_MASK));
    maximum += weights.reduce((sum, weight) => sum + weight, 0);
    addTerms(scores, ats, mask, weights);
  });
  if (maximum > 0)
    for (let place = 0; place < scores.length; place += 1) scores[place] = (scores[place] ?? 0) / maximum;
  return scores;
}

/** The weight of each term of a column: the fewer passages have it, the higher. */
function weightsOf(mask: Int32Array, terms: number): number[] {
  const holders = Array.from({ length: terms }, () => 0);
  for (let place = 0; place < mask.length; place += 1) {
    for (let left = mask[place] ?? 0; left !== 0; left &= left - 1) {
      const term = lowestBit(left);
      holders[term] = (holders[term] ?? 0) + 1;
    }
  }
  return holders.map((count) => rarity(count, mask.length));
}

/** Adds to each passage the weights of the terms that it has, and in part those of its neighbours in time. */
function addTerms(
  scores: Float64Array,
  ats: Float64Array,
  mask: Int32Array,
  weights: readonly number[],
): void {
  let previous = 0;
  let own = mask[0] ?? 0;
  for (let place = 0; place < scores.length; place += 1) {
    const following = mask[place + 1] ?? 0;
    const earlier = followsOn(ats, place) ? previous & ~own : 0;
    const later = followsOn(ats, place + 1) ? following & ~own & ~earlier : 0;
    scores[place] =
      (scores[place] ?? 0) +
      sumOf(own, weights) +
      TERM_IN_PREVIOUS * sumOf(earlier, weights) +
      TERM_IN_NEXT * sumOf(later, weights);
    previous = own;
    own = following;
  }
}

function sumOf(mask: number, weights: readonly number[]): number {
  let sum = 0;
  for (let left = mask; left !== 0; left &= left - 1) sum += weights[lowestBit(left)] ?? 0;
  return sum;
}

/** The index of a mask's lowest set bit. */
function lowestBit(mask: number): number {
  return 31 - Math.clz32(mask & -mask);
}

/**
 * Adds to each passage the weight of its time. Returns the weight of a matching time, or 0 when the query
 * mentions no time or no passage matches it.
 */
function addRange(scores: Float64Array, ats: Float64Array, range: TimeRange | null): number {
  if (!range) return 0;
  const fits = (at: number): number =>
    at >= range.from && at < range.to
      ? 1
      : at >= range.to && at < range.to + LATE_MENTION_MS
        ? LATE_MENTION
        : 0;
  const matching = ats.filter((at) => fits(at) > 0).length;
  if (matching === 0) return 0;
  const weight = rarity(matching, ats.length);
  ats.forEach((at, place) => (scores[place] = weight * fits(at)));
  return weight;
}

function rarity(holders: number, passages: number): number {
  return Math.log(1 + (passages + SMOOTHING_EXCHANGES - holders + 0.5) / (holders + 0.5));
}
