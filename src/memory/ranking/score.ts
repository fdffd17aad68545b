import { ADDS_NOTHING, addsNothing, isOnlyAQuestion } from '../text/questions.ts';
import { lexicalScores, wordsHeld, type LexicalQuery } from './lexical.ts';
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
  /** How much the user says, see `weightOf`; 0 where it isn't known. */
  userWeights: Float32Array;
  /** When the user's message was received, milliseconds since 1970. */
  ats: Float64Array;
  /** Cosine similarity of the passage and the query. */
  cosines: Float32Array;
  /** The products with the query's masks: how many pieces of each word the passage has (`QueryWord`). */
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
  /** How well it holds each of the query's words, 0 to 1. */
  held: readonly number[];
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
  /** Whether it uses "I", "my" and the like: 0 to 1, see `firstPersonOf`. */
  firstPerson: number;
};

// Tuned on the recall benchmark (docs/MEMORY.md). The results are not sensitive to small changes.
const PREVIOUS_COSINE = 0.2;
const COSINE_WEIGHT_NOT_LATIN = 0.1;
const MATCH_COSINE = 0.6;
const MATCH_NAMED = 0.06;
/** A question with "my" is about what the user has said, and its answer often shares no word with it. */
const MATCH_FIRST_PERSON = 0.25;
/** One word that fits in another form is enough: what is recalled in vain costs little, a lost fact much. */
const MATCH_WORDS_ALONE = 5;
/** Half of a question's words are enough in any script: an id, a name. */
const MATCH_WORDS = 0.7;
const MATCH_OVER = 20;

/**
 * Scores every passage of a scope. A word weighs by its rarity in the scope (BM25's idf). A word that only
 * the passage before or after has counts in part. A word that no passage has still counts in the denominator,
 * so that a question about something else scores low.
 */
export function scorePassages(scanned: ScannedScope, query: QueryFacts, cosineWeight: number): ScoredScope {
  const rows = inTimeOrder(scanned);
  const ats = pick(scanned.ats, rows);
  const cosines = pick(scanned.cosines, rows);
  const flags = pick(scanned.flags, rows);
  const masks = scanned.masks.map((column) => pick(column, rows));
  const { scores: lexicals, known } = lexicalScores({ masks, ats, flags }, query);
  flagRepeats(flags, pick(scanned.userWeights, rows), known);
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
      held: wordsHeld(
        masks.map((column) => column[place] ?? 0),
        query.words,
      ),
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
  if (!query.mostlyLatin) return Math.min(1, MATCH_WORDS_ALONE * lexical);
  const about = Math.max(MATCH_FIRST_PERSON * query.firstPerson, query.namesSpeaker ? MATCH_NAMED : 0);
  const both = MATCH_COSINE * cosine + (1 - MATCH_COSINE) * lexical + about;
  return Math.max(both, MATCH_WORDS * lexical);
}

/**
 * Flags what adds nothing to the query: what the user says weighs hardly more than what the passage holds of
 * the query. The reply counts among what it holds, so this may flag too much, but no repetition is missed.
 */
function flagRepeats(flags: Int16Array, userWeights: Float32Array, known: Float64Array): void {
  for (let place = 0; place < flags.length; place += 1) {
    const userWeight = userWeights[place] ?? 0;
    if (userWeight === 0) continue;
    const flag = flags[place] ?? 0;
    const added = userWeight - (known[place] ?? 0);
    if (addsNothing(isOnlyAQuestion(flag), added)) flags[place] = flag | ADDS_NOTHING;
  }
}

/** All rows, oldest first. They arrive newest first, so reversing them nearly sorts them. */
function inTimeOrder({ exchangeIdOf, parts, ats }: ScannedScope): number[] {
  const rows = Array.from(ats.keys()).reverse();
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
