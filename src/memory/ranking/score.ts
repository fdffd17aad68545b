import type { InSteps } from '../../lib/in-turns.ts';
import { lexicalScores, wordsHeld, type LexicalQuery } from './lexical.ts';
import { followsOn } from './sessions.ts';
import { RANKING } from './weights.ts';
import type { Speaker } from '../text/names.ts';
import {
  ADDS_NOTHING,
  addsNothing,
  isOnlyAQuestion,
  ONLY_ASKS,
  tellsMuch,
  WITHOUT_AGENT,
  WITHOUT_USER,
} from '../text/questions.ts';

/**
 * The passages of a scope as the database compared them with the query, in any order; index i of each column
 * is one passage. Typed arrays keep the numbers off the JavaScript heap: thousands of objects per search
 * would cause garbage collections that take longer than the scoring.
 */
export type ScannedScope = {
  exchangeIdOf: (row: number) => string;
  parts: Int16Array;
  flags: Int16Array;
  /** How much the user says in the whole exchange, see `weightOf`; 0 where it isn't known. */
  userWeights: Float32Array;
  /** When the user's message was received, milliseconds since 1970. */
  ats: Float64Array;
  /** Cosine similarity of the passage and the query. */
  cosines: Float32Array;
  /** The products with the query's masks: how many pieces of each word the passage has (`QueryWord`). */
  masks: readonly Int32Array[];
};

/** What the ranking goes by, of each place in time order. docs/MEMORY.md says what it means. */
export type Features = Record<keyof typeof RANKING, Float64Array>;

/** A scope's passages in time order, scored. */
export type ScoredScope = {
  features: Features;
  /** Log-odds that rank, by place in time order. */
  totals: Float64Array;
  flags: Int16Array;
  /** When the user's message was received, milliseconds since 1970. */
  ats: Float64Array;
  /** Of which exchange the passage at a place is; undefined beyond either end. */
  exchangeIdAt: (place: number) => string | undefined;
  /** How well the passage at a place holds each of the query's words, 0 to 1. */
  heldAt: (place: number) => readonly number[];
  /** The passage at a place; undefined beyond either end. */
  passageAt: (place: number) => ScoredPassage | undefined;
};

/** A passage with its scores. */
export type ScoredPassage = {
  exchangeId: string;
  part: number;
  at: number;
  flags: number;
  cosine: number;
  /** The share of the query's words that it holds, 0 to 1. */
  lexical: number;
  /** Log-odds: what ranks. */
  total: number;
  /** How likely it is what the query asks for, if anything in the scope is: 0 to 1. */
  score: number;
  /** Its place in time order. */
  place: number;
};

/** Facts about the query that the database doesn't know. */
export type QueryFacts = LexicalQuery & {
  /** The share of its letters that the model can read, see `readableShare`: so much its cosines say. */
  readable: number;
  /** Whom it names: it asks about them, and of nobody named about the user. */
  named: ReadonlySet<Speaker>;
};

/** Of so many passages each column takes a millisecond: they are scored in steps. */
const MANY = 10_000;
/** Passages of shared moments that are put in order in one step: some milliseconds. */
const ORDERED_IN_ONE_GO = 5_000;

/** How many passages of usual likeness are added to a scope's, so that in a small one nothing stands out. */
const SMOOTHING_PASSAGES = 10;
const USUAL_COSINE = { mean: 0.1, deviation: 0.12 };

/**
 * Scores every passage of a scope. `cosineWeight` is the agent's setting: 0.5 weighs as fitted, 1 goes by
 * meaning alone and 0 by words alone.
 */
export function* scorePassages(
  scanned: ScannedScope,
  query: QueryFacts,
  cosineWeight: number,
): InSteps<ScoredScope> {
  const { rows, idOf } = yield* inTimeOrder(scanned);
  const hasMany = rows.length >= MANY;
  if (hasMany) yield;
  const ats = pick(scanned.ats, rows);
  const cosines = pick(scanned.cosines, rows);
  const flags = pick(scanned.flags, rows);
  const userWeights = pick(scanned.userWeights, rows);
  const masks: Int32Array[] = [];
  for (const column of scanned.masks) {
    if (hasMany) yield;
    masks.push(pick(column, rows));
  }
  if (hasMany) yield;
  const { scores: words, known } = yield* lexicalScores({ masks, ats, flags }, query);
  if (hasMany) yield;
  flagQuestions(flags, userWeights, known);
  if (hasMany) yield;
  const meaning = standing(cosines, flags, query.readable);
  if (hasMany) yield;
  const before = ofExchangeBefore(meaning, ats);
  const speaker = spokenBy(query.named, flags);
  const features = { meaning, before, words, speaker };
  if (hasMany) yield;
  const totals = totalsOf(features, {
    meaning: 2 * cosineWeight * RANKING.meaning,
    before: 2 * cosineWeight * RANKING.before,
    words: 2 * (1 - cosineWeight) * RANKING.words,
    speaker: RANKING.speaker,
  });
  if (hasMany) yield;
  let all = 0;
  for (let place = 0; place < totals.length; place += 1) all += Math.exp(totals[place] ?? 0);
  const exchangeIdAt = (place: number): string | undefined => {
    const row = rows[place];
    return row === undefined ? undefined : idOf(row);
  };
  const heldAt = (place: number): readonly number[] =>
    wordsHeld(
      masks.map((column) => column[place] ?? 0),
      query.words,
    );
  const passageAt = (place: number): ScoredPassage | undefined => {
    const row = rows[place];
    if (row === undefined) return undefined;
    const total = totals[place] ?? 0;
    return {
      exchangeId: idOf(row),
      part: scanned.parts[row] ?? 0,
      at: ats[place] ?? 0,
      flags: flags[place] ?? 0,
      cosine: cosines[place] ?? 0,
      lexical: words[place] ?? 0,
      total,
      score: Math.exp(total) / all,
      place,
    };
  };
  return { features, totals, flags, ats, exchangeIdAt, heldAt, passageAt };
}

/** 0 where somebody speaks whom the query is about, else −1: the user, unless it names the agent. */
function spokenBy(named: ReadonlySet<Speaker>, flags: Int16Array): Float64Array {
  const ofAgent = named.has('agent');
  const without = (ofAgent ? WITHOUT_AGENT : 0) | (named.has('user') || !ofAgent ? WITHOUT_USER : 0);
  const spoken = new Float64Array(flags.length);
  for (let place = 0; place < spoken.length; place += 1)
    spoken[place] = ((flags[place] ?? 0) & without) === without ? -1 : 0;
  return spoken;
}

/** Of each place the value of the last passage of the exchange before in its session, or its own. */
function ofExchangeBefore(values: Float64Array, ats: Float64Array): Float64Array {
  const before = new Float64Array(values.length);
  let first = 0;
  for (let place = 0; place < values.length; place += 1) {
    if (ats[place] !== ats[first]) first = place;
    before[place] = values[followsOn(ats, first) ? first - 1 : place] ?? 0;
  }
  return before;
}

/** The log-odds of each place. */
export function totalsOf(
  { meaning, before, words, speaker }: Features,
  weights: Readonly<Record<keyof Features, number>>,
): Float64Array {
  const totals = new Float64Array(words.length);
  for (let place = 0; place < totals.length; place += 1)
    totals[place] =
      weights.meaning * (meaning[place] ?? 0) +
      weights.before * (before[place] ?? 0) +
      weights.words * (words[place] ?? 0) +
      weights.speaker * (speaker[place] ?? 0);
  return totals;
}

/**
 * How far each cosine stands above the scope's mean, in standard deviations; those of what is told: a
 * question that was asked a dozen times before says nothing of what is usual. Times `readable`.
 */
function standing(cosines: Float32Array, flags: Int16Array, readable: number): Float64Array {
  let count = SMOOTHING_PASSAGES;
  let sum = SMOOTHING_PASSAGES * USUAL_COSINE.mean;
  let squares = SMOOTHING_PASSAGES * (USUAL_COSINE.mean ** 2 + USUAL_COSINE.deviation ** 2);
  for (let place = 0; place < cosines.length; place += 1) {
    if (isOnlyAQuestion(flags[place] ?? 0)) continue;
    const cosine = cosines[place] ?? 0;
    count += 1;
    sum += cosine;
    squares += cosine * cosine;
  }
  const mean = sum / count;
  const scale = readable / Math.sqrt(squares / count - mean * mean);
  const meaning = new Float64Array(cosines.length);
  for (let place = 0; place < cosines.length; place += 1)
    meaning[place] = ((cosines[place] ?? 0) - mean) * scale;
  return meaning;
}

const MATCH_OVER = 20;
/** Of more passages the best is better by chance: about so in proportion to the logarithm of their number. */
const USUAL_SCOPE = 400;
const SMALL_SCOPE = 30;

/**
 * How well the best passage fits, 0 to 1, for comparison with the agent's threshold: its cosine, of which a
 * third counts without any word of the query and all of it with all of them. For a script that the model
 * can't read, the share of words alone, twice.
 * @param ranked best first
 * @param compared how many passages were compared
 */
export function matchOf(
  ranked: readonly ScoredPassage[],
  { readable }: QueryFacts,
  compared: number,
): number {
  const fits = ranked.slice(0, MATCH_OVER).map(({ cosine, lexical }) => {
    const read = (cosine * (1 + 2 * lexical)) / 3;
    return readable * read + (1 - readable) * 2 * lexical;
  });
  const chance = Math.log(Math.max(compared, SMALL_SCOPE)) / Math.log(USUAL_SCOPE);
  return Math.min(Math.max(0, ...fits) / chance, 1);
}

/**
 * Flags what adds nothing to the query: what the user says weighs hardly more than what the passage holds of
 * the query. The reply counts among what it holds, so this may flag too much, but no repetition is missed. A
 * question that says much beside the query is no mere question.
 */
function flagQuestions(flags: Int16Array, userWeights: Float32Array, known: Float64Array): void {
  for (let place = 0; place < flags.length; place += 1) {
    const userWeight = userWeights[place] ?? 0;
    if (userWeight === 0) continue;
    const flag = flags[place] ?? 0;
    const added = userWeight - (known[place] ?? 0);
    if (addsNothing(isOnlyAQuestion(flag), added)) flags[place] = flag | ADDS_NOTHING;
    else if (tellsMuch(added)) flags[place] = flag & ~ONLY_ASKS;
  }
}

/**
 * All rows, oldest first, those of one moment by exchange and part; and the id of each row's exchange, which
 * is made once for all who ask.
 */
function* inTimeOrder({
  exchangeIdOf,
  parts,
  ats,
}: ScannedScope): InSteps<{ rows: Int32Array; idOf: (row: number) => string }> {
  const ids = new Array<string | undefined>(ats.length);
  const idOf = (row: number): string => (ids[row] ??= exchangeIdOf(row));
  const rows = new Int32Array(ats.length).map((_, place) => ats.length - 1 - place);
  const byTime = (a: number, b: number): number => (ats[a] ?? 0) - (ats[b] ?? 0);
  // They arrive newest first: reversed they are in order but for those of one moment.
  if (rows.some((row, place) => place > 0 && byTime(rows[place - 1] ?? 0, row) > 0)) rows.sort(byTime);
  let ordered = 0;
  for (let from = 0, to = 0; from < rows.length; from = to) {
    const moment = ats[rows[from] ?? 0];
    while (to < rows.length && ats[rows[to] ?? 0] === moment) to += 1;
    if (to - from === 1) continue;
    ordered += to - from;
    if (ordered > ORDERED_IN_ONE_GO) {
      yield;
      ordered = to - from;
    }
    rows.subarray(from, to).sort((a, b) => {
      const [idA, idB] = [idOf(a), idOf(b)];
      return idA < idB ? -1 : idA > idB ? 1 : (parts[a] ?? 0) - (parts[b] ?? 0);
    });
  }
  return { rows, idOf };
}

/** A column's values at these rows. */
function pick<Column extends Int16Array | Int32Array | Float32Array | Float64Array>(
  column: Column,
  rows: Int32Array,
): Column {
  const picked = column.slice(0, rows.length) as Column;
  for (let place = 0; place < rows.length; place += 1) picked[place] = column[rows[place] ?? 0] ?? 0;
  return picked;
}
