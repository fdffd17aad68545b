import type { InSteps } from '../../lib/in-turns.ts';
import type { QueryWord } from '../text/search-terms.ts';
import { hasNoAnswer, isOnlyAQuestion } from '../text/questions.ts';
import type { TimeRange } from '../text/time-range.ts';
import { followsOn } from './sessions.ts';

/** The query's words, and the time that it mentions. */
export type LexicalQuery = { words: readonly QueryWord[]; range: TimeRange | null };

/** A scope's columns in time order, as far as words and times need them. */
export type LexicalScope = { masks: readonly Int32Array[]; ats: Float64Array; flags: Int16Array };

// Tuned on the recall benchmark (docs/MEMORY.md). The results are not sensitive to small changes.
/** What a word counts that only the passage before or after has. */
const IN_NEIGHBOUR = 0.5;
const LATE_MENTION_MS = 7 * 86_400_000;
const LATE_MENTION = 0.5;
/** With a smaller share of a word's pieces a passage does not have the word. */
const LEAST_SHARE = 0.3;
/** Above 1: half of a word's pieces are less than half the word, as other words may have them. */
const SHARE_POWER = 1.5;
/**
 * Smoothing: in a scope of a few exchanges every word would look common, so this many empty ones are added.
 */
const SMOOTHING_EXCHANGES = 10;

/** How well a passage holds each of the query's words, 0 to 1, by the products with the query's masks. */
export function wordsHeld(masks: readonly number[], words: readonly QueryWord[]): number[] {
  return words.map((word) => shareOf(countIn(masks[word.mask] ?? 0, word), word));
}

function countIn(product: number, { shift, pieces }: QueryWord): number {
  return (product >> shift) & bitsOf(pieces);
}

/** The bits in which a count up to this one stands. */
const bitsOf = (pieces: number): number => (1 << (32 - Math.clz32(pieces))) - 1;

function shareOf(count: number, { pieces }: QueryWord): number {
  const share = count / pieces;
  return share < LEAST_SHARE ? 0 : share ** SHARE_POWER;
}

/** Of each place in time order. */
export type LexicalScores = {
  /** 0 to 1: the weights of the words that it holds, and of a time that it matches, as a share of all. */
  scores: Float64Array;
  /** How much of the query the passage itself holds, in the unit of `weightOf`. */
  known: Float64Array;
};

/** Passages times words that are scored in one step: some milliseconds. */
const SCORED_IN_ONE_GO = 150_000;

/** Scores every passage of a scope by the query's words and the time that it mentions. */
export function* lexicalScores(scope: LexicalScope, query: LexicalQuery): InSteps<LexicalScores> {
  const { masks, ats } = scope;
  const scores = new Float64Array(ats.length);
  const known = new Float64Array(ats.length);
  // What a word counts at a place that only the passage before it has, and the other way round.
  const beside = new Float64Array(ats.length);
  for (let place = 0; place < ats.length; place += 1) if (followsOn(ats, place)) beside[place] = IN_NEIGHBOUR;
  let maximum = addRange(scores, ats, query.range);
  const held = new Float32Array(ats.length);
  const wordsInOneGo = Math.ceil(SCORED_IN_ONE_GO / Math.max(1, ats.length));
  for (const [nth, word] of query.words.entries()) {
    if (nth % wordsInOneGo === wordsInOneGo - 1) yield;
    const holders = fillHeld(held, masks[word.mask], word, scope.flags);
    if (word.optional && holders === 0) continue;
    const weight = word.weight * rarity(holders, ats.length);
    maximum += weight;
    addWord({ scores, known }, beside, held, { weight, ownWeight: word.optional ? 0 : word.weight });
  }
  if (maximum > 0)
    for (let place = 0; place < scores.length; place += 1) scores[place] = (scores[place] ?? 0) / maximum;
  return { scores, known };
}

/**
 * Fills in how well each passage holds a word. Returns how many do, all told: a question without an answer
 * doesn't make its words common.
 */
function fillHeld(
  held: Float32Array,
  products: Int32Array | undefined,
  word: QueryWord,
  flags: Int16Array,
): number {
  const shares = Float32Array.from({ length: word.pieces + 1 }, (_, count) => shareOf(count, word));
  const [shift, bits] = [word.shift, bitsOf(word.pieces)];
  let holders = 0;
  for (let place = 0; place < held.length; place += 1) {
    const share = shares[((products?.[place] ?? 0) >> shift) & bits] ?? 0;
    held[place] = share;
    if (share === 0) continue;
    const flag = flags[place] ?? 0;
    if (!(isOnlyAQuestion(flag) && hasNoAnswer(flag))) holders += share;
  }
  return holders;
}

/**
 * Adds a word's weight to each passage's score, in full where it is held, and in part beside it in time; to
 * what is known, where it is held alone.
 */
function addWord(
  { scores, known }: LexicalScores,
  beside: Float64Array,
  held: Float32Array,
  { weight, ownWeight }: { weight: number; ownWeight: number },
): void {
  const last = scores.length - 1;
  let before = 0;
  let own = held[0] ?? 0;
  for (let place = 0; place <= last; place += 1) {
    const next = place < last ? (held[place + 1] ?? 0) * (beside[place + 1] ?? 0) : 0;
    scores[place] = (scores[place] ?? 0) + weight * Math.max(own, before * (beside[place] ?? 0), next);
    known[place] = (known[place] ?? 0) + ownWeight * own;
    before = own;
    own = place < last ? (held[place + 1] ?? 0) : 0;
  }
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
