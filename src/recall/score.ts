import { holdsNothing } from './questions.ts';
import type { TimeRange } from './time-range.ts';

/**
 * The passages of a scope as the database compared them with the query, in any order, each read by its row. Not
 * objects, and not even columns of numbers: what is allocated for thousands of passages in every search brings
 * a garbage collection that takes longer than the scoring.
 */
export type ScannedScope = {
  count: number;
  exchangeIdOf: (row: number) => string;
  partOf: (row: number) => number;
  flagsOf: (row: number) => number;
  /** When its user's message came, milliseconds since 1970. */
  atOf: (row: number) => number;
  /** Cosine similarity of its vector and the query's. */
  cosineOf: (row: number) => number;
  /** Which of the query's terms it holds: bit i of column c is term 24·c + i. */
  maskOf: (row: number, column: number) => number;
};

/** A scope's passages in time order, scored. */
export type ScoredScope = {
  /** The weighted sums that rank, one a place. */
  totals: readonly number[];
  flagsAt: (place: number) => number;
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
  /** By column, as `ScannedScope.maskOf`. */
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
  const ats = rows.map(scanned.atOf);
  const lexicals = lexicalScores(scanned, rows, ats, query);
  const wCosine = query.mostlyLatin ? cosineWeight : Math.min(cosineWeight, COSINE_WEIGHT_NOT_LATIN);
  let before = 0;
  const totals = rows.map((row, place) => {
    const own = scanned.cosineOf(row);
    const context = followsOn(ats, place) ? before : own;
    before = own;
    const cosine = (own + PREVIOUS_COSINE * context) / (1 + PREVIOUS_COSINE);
    return wCosine * cosine + (1 - wCosine) * (lexicals[place] ?? 0);
  });
  const flagsAt = (place: number): number => scanned.flagsOf(rows[place] ?? 0);
  const passageAt = (place: number): ScoredPassage | undefined => {
    const row = rows[place];
    if (row === undefined) return undefined;
    return {
      exchangeId: scanned.exchangeIdOf(row),
      part: scanned.partOf(row),
      at: ats[place] ?? 0,
      flags: flagsAt(place),
      cosine: scanned.cosineOf(row),
      masks: columnsOf(query).map((column) => scanned.maskOf(row, column)),
      lexical: lexicals[place] ?? 0,
      total: totals[place] ?? 0,
      place,
    };
  };
  return { totals, flagsAt, passageAt };
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
function inTimeOrder({ count, exchangeIdOf, partOf, flagsOf, atOf }: ScannedScope): number[] {
  const rows: number[] = [];
  for (let row = count - 1; row >= 0; row -= 1) if (!holdsNothing(flagsOf(row))) rows.push(row);
  return rows.sort((a, b) => {
    const apart = atOf(a) - atOf(b);
    if (apart !== 0) return apart;
    const [idA, idB] = [exchangeIdOf(a), exchangeIdOf(b)];
    return idA < idB ? -1 : idA > idB ? 1 : partOf(a) - partOf(b);
  });
}

function columnsOf({ termCount }: QueryFacts): number[] {
  return Array.from({ length: Math.ceil(termCount / TERMS_PER_MASK) }, (_, column) => column);
}

/** @param rows in time order, like their times in `ats` */
function lexicalScores(
  scanned: ScannedScope,
  rows: readonly number[],
  ats: readonly number[],
  query: QueryFacts,
): number[] {
  const scores = rows.map(() => 0);
  let whole = addRange(scores, ats, query.range);
  for (const column of columnsOf(query)) {
    const maskAt = (place: number): number => {
      const row = rows[place];
      return row === undefined ? 0 : scanned.maskOf(row, column);
    };
    const terms = Math.min(TERMS_PER_MASK, query.termCount - column * TERMS_PER_MASK);
    const weights = weightsOf(maskAt, rows.length, terms);
    whole += weights.reduce((sum, weight) => sum + weight, 0);
    addTerms(scores, ats, maskAt, weights);
  }
  if (whole > 0) scores.forEach((score, place) => (scores[place] = score / whole));
  return scores;
}

/** What each term of a column is worth: the more, the fewer passages hold it. */
function weightsOf(maskAt: (place: number) => number, passages: number, terms: number): number[] {
  const holders = Array.from({ length: terms }, () => 0);
  for (let place = 0; place < passages; place += 1) {
    for (let left = maskAt(place); left !== 0; left &= left - 1) {
      const term = lowestBit(left);
      holders[term] = (holders[term] ?? 0) + 1;
    }
  }
  return holders.map((count) => rarity(count, passages));
}

/** Adds what the terms are worth to each passage that it, or one beside it, holds. */
function addTerms(
  scores: number[],
  ats: readonly number[],
  maskAt: (place: number) => number,
  weights: readonly number[],
): void {
  let previous = 0;
  let own = maskAt(0);
  scores.forEach((score, place) => {
    const following = maskAt(place + 1);
    const earlier = followsOn(ats, place) ? previous & ~own : 0;
    const later = followsOn(ats, place + 1) ? following & ~own & ~earlier : 0;
    scores[place] =
      score +
      sumOf(own, weights) +
      TERM_IN_PREVIOUS * sumOf(earlier, weights) +
      TERM_IN_NEXT * sumOf(later, weights);
    previous = own;
    own = following;
  });
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
function addRange(scores: number[], ats: readonly number[], range: TimeRange | null): number {
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
function followsOn(ats: readonly number[], place: number): boolean {
  return place > 0 && place < ats.length && sameSession(ats[place - 1] ?? 0, ats[place] ?? 0);
}

function rarity(holders: number, passages: number): number {
  return Math.log(1 + (passages + IMAGINED_EXCHANGES - holders + 0.5) / (holders + 0.5));
}
