import { isUnansweredQuestion } from '../text/questions.ts';
import { lexicalScores, type LexicalQuery } from './lexical.ts';
import { followsOn } from './sessions.ts';

/**
 * The passages of a scope as the database compared them with the query, in any order; index i of each column
 * is one passage. Typed arrays keep the numbers off the JavaScript heap: thousands of objects per search
 * would cause garbage collections that take longer than the scoring.
 */
export type ScannedScope = {
  exchangeIdOf: (row: number) => string;
  parts: Int16Array;
  flags: Int16Array;
  /** When the user's message was received, milliseconds since 1970. */
  ats: Float64Array;
  /** Cosine similarity of the passage and the query. */
  cosines: Float32Array;
  /** Which of the query's terms the passage has: bit i of column c is term 24·c + i. */
  masks: readonly Int32Array[];
};

/** A scope's passages in time order, scored. */
export type ScoredScope = {
  /** The weighted sums that rank, by place in time order. */
  totals: Float64Array;
  flags: Int16Array;
  /** The passage at a place; undefined beyond either end. */
  passageAt: (place: number) => ScoredPassage | undefined;
};

/** A passage with its scores. `lexical` is 0 to 1; `total` is the weighted sum that ranks. */
export type ScoredPassage = {
  exchangeId: string;
  part: number;
  at: number;
  flags: number;
  cosine: number;
  /** As in `ScannedScope.masks`, one number for each column. */
  masks: readonly number[];
  lexical: number;
  total: number;
  /** Its place in time order. */
  place: number;
};

/** Facts about the query that the database doesn't know. */
export type QueryFacts = LexicalQuery & {
  /** False for scripts that the model embeds badly: there the words decide. */
  mostlyLatin: boolean;
  /** It names the user or the agent, so it is about their conversation. */
  namesSpeaker: boolean;
  /** It uses "I", "my" and the like. */
  firstPerson: boolean;
};

// Tuned on the recall benchmark (docs/MEMORY.md). The results are not sensitive to small changes.
const PREVIOUS_COSINE = 0.2;
const COSINE_WEIGHT_NOT_LATIN = 0.1;
const MATCH_COSINE = 0.6;
const MATCH_NAMED = 0.06;
/** A question with "my" is about what the user has said, and its answer often shares no word with it. */
const MATCH_FIRST_PERSON = 0.25;
const MATCH_OVER = 20;

/**
 * Scores every passage of a scope. A term weighs by its rarity in the scope (BM25's idf). A term that only
 * the passage before or after has counts in part. A term that no passage has still counts in the denominator,
 * so that a question about something else scores low.
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
 * How well the best passages fit, 0 to about 1, for comparison with the agent's threshold. It combines the
 * highest cosine and the highest lexical score among the best passages: that separates questions that memory
 * can answer from unrelated ones better than the best total does.
 * @param ranked best first
 */
export function matchOf(ranked: readonly ScoredPassage[], query: QueryFacts): number {
  const top = ranked.slice(0, MATCH_OVER);
  if (top.length === 0) return 0;
  const cosine = Math.max(...top.map((passage) => passage.cosine));
  const lexical = Math.max(...top.map((passage) => passage.lexical));
  // For these scripts cosines are high for everything, so only the words count.
  if (!query.mostlyLatin) return notLatinMatch(lexical);
  const about = query.firstPerson ? MATCH_FIRST_PERSON : query.namesSpeaker ? MATCH_NAMED : 0;
  return MATCH_COSINE * cosine + (1 - MATCH_COSINE) * lexical + about;
}

/**
 * Bigrams and unstemmed words overlap less than stemmed English words, so the same fit gives a lower score.
 */
function notLatinMatch(lexical: number): number {
  return Math.min(1, lexical * 1.8);
}

/** The rows worth recalling, oldest first. They arrive newest first, so reversing them nearly sorts them. */
function inTimeOrder({ exchangeIdOf, parts, flags, ats }: ScannedScope): number[] {
  const rows: number[] = [];
  for (let row = flags.length - 1; row >= 0; row -= 1)
    if (!isUnansweredQuestion(flags[row] ?? 0)) rows.push(row);
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
