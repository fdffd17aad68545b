import { holdsNothing } from './questions.ts';
import type { TimeRange } from './time-range.ts';

/** One passage of the scope as the database compared it with the query. */
export type ScannedPassage = {
  exchangeId: string;
  part: number;
  /** When its user's message came, milliseconds since 1970. */
  at: number;
  flags: number;
  /** Cosine similarity of its vector and the query's. */
  cosine: number;
  /** Which of the query's terms it holds: bit i of masks[c] is term 24·c + i. */
  masks: readonly number[];
};

/** A passage with its scores: `lexical` 0 to 1, `total` the weighted sum that ranks. */
export type ScoredPassage = ScannedPassage & { lexical: number; total: number };

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
 * Scores every passage of a scope, in time order. A term counts by its rarity in the scope (BM25's idf);
 * one that stands only in the exchange before or after counts in part, one that the scope doesn't know
 * stays in the denominator, so that a question about something else scores low.
 */
export function scorePassages(
  scanned: readonly ScannedPassage[],
  query: QueryFacts,
  cosineWeight: number,
): ScoredPassage[] {
  const passages = scanned.filter(({ flags }) => !holdsNothing(flags)).sort(byTime);
  const weights = termWeights(passages, query.termCount);
  const whole = weights.reduce((sum, weight) => sum + weight, 0);
  const inRange = rangeMatches(passages, query.range);
  const rangeWeight = inRange ? rarity(inRange.filter((match) => match > 0).length, passages.length) : 0;
  const wholeWithRange = whole + rangeWeight;
  const wCosine = query.mostlyLatin ? cosineWeight : Math.min(cosineWeight, COSINE_WEIGHT_NOT_LATIN);
  return passages.map((passage, i) => {
    const before = passages[i - 1];
    const after = passages[i + 1];
    const previous = before && sameSession(before, passage) ? before : undefined;
    const next = after && sameSession(passage, after) ? after : undefined;
    let lexical = rangeWeight * (inRange?.[i] ?? 0);
    for (let term = 0; term < weights.length; term += 1) {
      const weight = weights[term] ?? 0;
      if (has(passage, term)) lexical += weight;
      else if (previous && has(previous, term)) lexical += TERM_IN_PREVIOUS * weight;
      else if (next && has(next, term)) lexical += TERM_IN_NEXT * weight;
    }
    lexical = wholeWithRange > 0 ? lexical / wholeWithRange : 0;
    const context = (previous ?? passage).cosine;
    const cosine = (passage.cosine + PREVIOUS_COSINE * context) / (1 + PREVIOUS_COSINE);
    return { ...passage, lexical, total: wCosine * cosine + (1 - wCosine) * lexical };
  });
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

/** Whether two passages that follow each other belong to one session. */
export function sameSession(earlier: ScannedPassage, later: ScannedPassage): boolean {
  return later.at - earlier.at <= SESSION_GAP_MS;
}

function byTime(a: ScannedPassage, b: ScannedPassage): number {
  return (
    a.at - b.at || (a.exchangeId < b.exchangeId ? -1 : a.exchangeId > b.exchangeId ? 1 : a.part - b.part)
  );
}

function has(passage: ScannedPassage, term: number): boolean {
  const mask = passage.masks[Math.floor(term / TERMS_PER_MASK)] ?? 0;
  return ((mask >> (term % TERMS_PER_MASK)) & 1) === 1;
}

function termWeights(passages: readonly ScannedPassage[], termCount: number): number[] {
  return Array.from({ length: termCount }, (_, term) => {
    let holders = 0;
    for (const passage of passages) if (has(passage, term)) holders += 1;
    return rarity(holders, passages.length);
  });
}

function rarity(holders: number, passages: number): number {
  return Math.log(1 + (passages + IMAGINED_EXCHANGES - holders + 0.5) / (holders + 0.5));
}

/** How well each passage's time fits; null when no time was asked for or nothing was said then. */
function rangeMatches(passages: readonly ScannedPassage[], range: TimeRange | null): number[] | null {
  if (!range) return null;
  const matches = passages.map(({ at }) =>
    at >= range.from && at < range.to
      ? 1
      : at >= range.to && at < range.to + LATE_MENTION_MS
        ? LATE_MENTION
        : 0,
  );
  return matches.includes(1) || matches.includes(LATE_MENTION) ? matches : null;
}
