import { holdsNothing } from '../text/questions.ts';
import type { TimeRange } from '../text/time-range.ts';

/**
 * The passages of a scope as the database compared them with the query, in any order, one a row of each column.
 * Typed arrays, since their numbers lie outside of the JavaScript heap: allocating thousands of objects in every search
 * brings garbage collections that take longer than the scoring.
 */
export type ScannedScope = {
  exchangeIdOf: (row: number) => string;
  parts: Int16Array;
  flags: Int16Array;
  /** When its user's message came, milliseconds since 1970. */
  ats: Float64Array;
  /** Cosine similarity of its vector and the query's. */
  cosines: Float32Array;
  /** Which of the query's terms it holds: bit i of column c is term 24·c + i. */
  masks: readonly Int32Array[];
};

/** A scope's passages in time order, scored. */
export type ScoredScope = {
  /** The weighted sums that rank, one a place. */
  totals: Float64Array;
  flags: Int16Array;
  /** The passage at a place; undefined beyond either end. */
  passageAt: (place: number) => ScoredPassage | undefined;
};

/** A passage with its scores: `lexical` 0 to 1, `total` the weighted sum that ranks. */
export type ScoredPassage = {
  exchangeId: string;
  part: number;
  at: number;
  flags: number;
  cosine: number;
  /** By column, as `ScannedScope.masks`. */
  masks: readonly number[];
  lexical: number;
  total: number;
  /** Its place in time order. */
  place: number;
};

/** What the query brings besides what the database has compared. */
export type QueryFacts = {
  /** How many distinct terms it has. */
  termCount: number;
  /** The time it speaks of. */
  range: TimeRange | null;
  /** False for scripts whose cosines say little: the words then decide. */
  mostlyLatin: boolean;
  /** It names the user or the agent, so it is about what those two said. */
  namesSpeaker: boolean;
  /** It speaks of the user as "I", "my" and the like. */
  firstPerson: boolean;
};

export const TERMS_PER_MASK = 24;
/** Exchanges closer than this are one session: what was said just before or after belongs to the matter. */
export const SESSION_GAP_MS = 3_600_000;

// All measured on five long conversations (docs/MEMORY.md); neighbouring values do as well.
const TERM_IN_PREVIOUS = 0.6;
const TERM_IN_NEXT = 0.4;
const PREVIOUS_COSINE = 0.2;
const COSINE_WEIGHT_NOT_LATIN = 0.1;
const LATE_MENTION_MS = 7 * 86_400_000;
const LATE_MENTION = 0.5;
const MATCH_COSINE = 0.6;
const MATCH_NAMED = 0.06;
/** Whoever says "my" asks for what they told; the right answer to such a question often shares no word with it. */
const MATCH_FIRST_PERSON = 0.25;
const MATCH_OVER = 20;
/** A scope of three exchanges has no rare words yet: as many empty ones are counted in. */
const IMAGINED_EXCHANGES = 10;

/**
 * Scores every passage of a scope. A term counts by its rarity in the scope (BM25's idf); one that stands
 * only in the exchange before or after counts in part, one that the scope doesn't know stays in the
 * denominator, so that a question about something else scores low.
 */
export function scorePassages(scanned: ScannedScope, query: QueryFacts, cosineWeight: number): ScoredScope {
  const rows = inTimeOrder(scanned);
  const ats = pick(scanned.ats, rows);
  const cosines = pick(scanned.cosines, rows);
  const flags = pick(scanned.flags, rows);
  const masks = scanned.masks.map((column) => pick(column, rows));
  const lexicals = lexicalScores(masks, ats, query);
  const wCosine = query.mostlyLatin ? cosineWeight : Math.min(cosineWeight, COSINE_WEIGHT_NOT_LATIN);
  const totals = new Float64Array(rows.length);
  let before = 0;
  for (let place = 0; place < rows.length; place += 1) {
    const own = cosines[place] ?? 0;
    const context = followsOn(ats, place) ? before : own;
    before = own;
    const cosine = (own + PREVIOUS_COSINE * context) / (1 + PREVIOUS_COSINE);
    totals[place] = wCosine * cosine + (1 - wCosine) * (lexicals[place] ?? 0);
  }
  const passageAt = (place: number): ScoredPassage | undefined => {
    const row = rows[place];
    if (row === undefined) return undefined;
    return {
      exchangeId: scanned.exchangeIdOf(row),
      part: scanned.parts[row] ?? 0,
      at: ats[place] ?? 0,
      flags: flags[place] ?? 0,
      cosine: cosines[place] ?? 0,
      masks: masks.map((column) => column[place] ?? 0),
      lexical: lexicals[place] ?? 0,
      total: totals[place] ?? 0,
      place,
    };
  };
  return { totals, flags, passageAt };
}

/**
 * How well the best of what could be recalled fits, to hold against the agent's threshold. By the two
 * scores' maxima and not by the best total: that separated answerable questions from foreign ones best.
 * @param ranked best first
 */
export function matchOf(ranked: readonly ScoredPassage[], query: QueryFacts): number {
  const top = ranked.slice(0, MATCH_OVER);
  if (top.length === 0) return 0;
  const cosine = Math.max(...top.map((passage) => passage.cosine));
  const lexical = Math.max(...top.map((passage) => passage.lexical));
  // Where cosines are high for everything, only words tell; they count in full then.
  if (!query.mostlyLatin) return notLatinMatch(lexical);
  const about = query.firstPerson ? MATCH_FIRST_PERSON : query.namesSpeaker ? MATCH_NAMED : 0;
  return MATCH_COSINE * cosine + (1 - MATCH_COSINE) * lexical + about;
}

/** Bigrams and unstemmed forms overlap less than English words do: a quarter of them is as much as 0.45. */
function notLatinMatch(lexical: number): number {
  return Math.min(1, lexical * 1.8);
}

/** Whether passages of two times that follow each other belong to one session. */
export function sameSession(earlier: number, later: number): boolean {
  return later - earlier <= SESSION_GAP_MS;
}

/** The rows that hold something, oldest first. They come newest first, so this hardly has to sort. */
function inTimeOrder({ exchangeIdOf, parts, flags, ats }: ScannedScope): number[] {
  const rows: number[] = [];
  for (let row = flags.length - 1; row >= 0; row -= 1) if (!holdsNothing(flags[row] ?? 0)) rows.push(row);
  return rows.sort((a, b) => {
    const apart = (ats[a] ?? 0) - (ats[b] ?? 0);
    if (apart !== 0) return apart;
    const [idA, idB] = [exchangeIdOf(a), exchangeIdOf(b)];
    return idA < idB ? -1 : idA > idB ? 1 : (parts[a] ?? 0) - (parts[b] ?? 0);
  });
}

/** A column's values at these rows. */
function pick<Column extends Int16Array | Int32Array | Float32Array | Float64Array>(
  column: Column,
  rows: readonly number[],
): Column {
  const picked = column.slice(0, rows.length) as Column;
  rows.forEach((row, place) => (picked[place] = column[row] ?? 0));
  return picked;
}

/** All in time order, one value a place. */
function lexicalScores(masks: readonly Int32Array[], ats: Float64Array, query: QueryFacts): Float64Array {
  const scores = new Float64Array(ats.length);
  let whole = addRange(scores, ats, query.range);
  masks.forEach((mask, column) => {
    const weights = weightsOf(mask, Math.min(TERMS_PER_MASK, query.termCount - column * TERMS_PER_MASK));
    whole += weights.reduce((sum, weight) => sum + weight, 0);
    addTerms(scores, ats, mask, weights);
  });
  if (whole > 0)
    for (let place = 0; place < scores.length; place += 1) scores[place] = (scores[place] ?? 0) / whole;
  return scores;
}

/** What each term of a column is worth: the more, the fewer passages hold it. */
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

/** Adds what the terms are worth to each passage that it, or one beside it, holds. */
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

/** The place of a mask's lowest 1. */
function lowestBit(mask: number): number {
  return 31 - Math.clz32(mask & -mask);
}

/** Adds what each passage's time is worth; returns the weight of a time that fits, 0 when none was asked for or nothing was said then. */
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

/** Whether the passage at a place goes on with the session of the one before it. */
function followsOn(ats: Float64Array, place: number): boolean {
  return place > 0 && place < ats.length && sameSession(ats[place - 1] ?? 0, ats[place] ?? 0);
}

function rarity(holders: number, passages: number): number {
  return Math.log(1 + (passages + IMAGINED_EXCHANGES - holders + 0.5) / (holders + 0.5));
}
