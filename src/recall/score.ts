import { holdsNothing } from './questions.ts';
import type { TimeRange } from './time-range.ts';

/**
 * The passages of a scope as the database compared them with the query: columns with an entry for each, in any
 * order. Columns and not objects, since thousands of objects took longer to make than to score; and no typed
 * arrays, whose memory lies outside the heap: in a small heap that brought a full garbage collection every seventh search.
 */
export type ScannedScope = {
  exchangeIdOf: (row: number) => string;
  parts: readonly number[];
  flags: readonly number[];
  /** When its user's message came, milliseconds since 1970. */
  ats: readonly number[];
  /** Cosine similarity of its vector and the query's. */
  cosines: readonly number[];
  /** Which of the query's terms it holds: bit i of masks[c][row] is term 24·c + i. */
  masks: ReadonlyArray<readonly number[]>;
};

/** A scope's passages in time order, scored. */
export type ScoredScope = {
  /** The weighted sums that rank, one a place. */
  totals: readonly number[];
  /** As in `ScannedScope`, one a place. */
  flags: readonly number[];
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
  /** As the columns of `ScannedScope.masks`. */
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
  const lexicals = lexicalScores(ats, masks, query);
  const wCosine = query.mostlyLatin ? cosineWeight : Math.min(cosineWeight, COSINE_WEIGHT_NOT_LATIN);
  const totals: number[] = [];
  for (let place = 0; place < rows.length; place += 1) {
    const own = cosines[place] ?? 0;
    const context = followsOn(ats, place) ? (cosines[place - 1] ?? 0) : own;
    const cosine = (own + PREVIOUS_COSINE * context) / (1 + PREVIOUS_COSINE);
    totals.push(wCosine * cosine + (1 - wCosine) * (lexicals[place] ?? 0));
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

/** The rows that hold something, oldest first. */
function inTimeOrder({ exchangeIdOf, parts, flags, ats }: ScannedScope): number[] {
  const rows: number[] = [];
  for (let row = 0; row < ats.length; row += 1) if (!holdsNothing(flags[row] ?? 0)) rows.push(row);
  return rows.sort((a, b) => {
    const apart = (ats[a] ?? 0) - (ats[b] ?? 0);
    if (apart !== 0) return apart;
    const [idA, idB] = [exchangeIdOf(a), exchangeIdOf(b)];
    return idA < idB ? -1 : idA > idB ? 1 : (parts[a] ?? 0) - (parts[b] ?? 0);
  });
}

function pick(column: readonly number[], rows: readonly number[]): number[] {
  const picked: number[] = [];
  for (const row of rows) picked.push(column[row] ?? 0);
  return picked;
}

/** @param ats in time order, like the columns of `masks` */
function lexicalScores(
  ats: readonly number[],
  masks: ReadonlyArray<readonly number[]>,
  query: QueryFacts,
): number[] {
  const scores = new Array<number>(ats.length).fill(0);
  const rangeWeight = addRange(scores, ats, query.range);
  let whole = 0;
  for (let term = 0; term < query.termCount; term += 1) {
    const column = masks[Math.floor(term / TERMS_PER_MASK)];
    if (column) whole += addTerm(scores, ats, column, 1 << (term % TERMS_PER_MASK));
  }
  whole += rangeWeight;
  if (whole > 0)
    for (let place = 0; place < scores.length; place += 1) scores[place] = (scores[place] ?? 0) / whole;
  return scores;
}

/** Adds what each passage's time is worth; returns the weight of a time that fits, 0 when none was asked for or nothing was said then. */
function addRange(scores: number[], ats: readonly number[], range: TimeRange | null): number {
  if (!range) return 0;
  const matches = ats.map((at) =>
    at >= range.from && at < range.to
      ? 1
      : at >= range.to && at < range.to + LATE_MENTION_MS
        ? LATE_MENTION
        : 0,
  );
  const matching = matches.filter((match) => match > 0).length;
  if (matching === 0) return 0;
  const weight = rarity(matching, ats.length);
  matches.forEach((match, place) => (scores[place] = weight * match));
  return weight;
}

/** Adds what a term is worth to each passage that it, or one beside it, holds; returns the term's weight. */
function addTerm(scores: number[], ats: readonly number[], column: readonly number[], bit: number): number {
  const has = (place: number): boolean => ((column[place] ?? 0) & bit) !== 0;
  let holders = 0;
  for (let place = 0; place < column.length; place += 1) if (has(place)) holders += 1;
  const weight = rarity(holders, column.length);
  for (let place = 0; place < column.length; place += 1) {
    const share = has(place)
      ? 1
      : followsOn(ats, place) && has(place - 1)
        ? TERM_IN_PREVIOUS
        : followsOn(ats, place + 1) && has(place + 1)
          ? TERM_IN_NEXT
          : 0;
    scores[place] = (scores[place] ?? 0) + share * weight;
  }
  return weight;
}

/** Whether the passage at a place goes on with the session of the one before it. */
function followsOn(ats: readonly number[], place: number): boolean {
  return place > 0 && place < ats.length && sameSession(ats[place - 1] ?? 0, ats[place] ?? 0);
}

function rarity(holders: number, passages: number): number {
  return Math.log(1 + (passages + IMAGINED_EXCHANGES - holders + 0.5) / (holders + 0.5));
}
