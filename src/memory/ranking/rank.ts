import { MAX_TOP_K } from '../../domain/agent.ts';
import { isOnlyAQuestion } from '../text/questions.ts';
import type { ScoredPassage, ScoredScope } from './score.ts';

/** Candidates whose texts are fetched for each exchange wanted: their order can still change. */
const CANDIDATES_EACH = 3;
/** The most exchanges that any agent's recall examines. */
const ENOUGH_EXCHANGES = CANDIDATES_EACH * MAX_TOP_K;
/**
 * Passages ranked in the first attempt, not counting the
 * window's: sorting all of a large scope takes too long.
 */
const RANKED = 2 * ENOUGH_EXCHANGES;

/**
 * Each exchange's best passage, best first, without the exchanges of `exclude` (ids, with dashes or without).
 * Ranks the best passages only, and ranks again with more when they come from too few exchanges.
 */
export function rank(scored: ScoredScope, exclude: readonly string[], ranked = RANKED): ScoredPassage[] {
  const { totals, flags, passageAt } = scored;
  const seen = new Set(exclude.map((id) => id.replaceAll('-', '')));
  // A floor for statements and one for questions: a question
  // asked a thousand times must not displace statements.
  const wanted = ranked + seen.size;
  const floors = { statement: floorOf(scored, false, wanted), question: floorOf(scored, true, wanted) };
  const best: ScoredPassage[] = [];
  for (let place = 0; place < totals.length; place += 1) {
    const floor = isOnlyAQuestion(flags[place] ?? 0) ? floors.question : floors.statement;
    const passage = (totals[place] ?? 0) >= floor ? passageAt(place) : undefined;
    if (passage && !seen.has(passage.exchangeId)) best.push(passage);
  }
  const exchanges = best
    .sort((a, b) => b.total - a.total || b.at - a.at)
    .filter(({ exchangeId }) => !seen.has(exchangeId) && seen.add(exchangeId));
  // Long messages have many passages, so the best passages can
  // all come from a few exchanges or from the window.
  const statements = exchanges.filter((passage) => !isOnlyAQuestion(passage.flags)).length;
  const tooFew =
    statements < Math.min(ranked, ENOUGH_EXCHANGES) && floors.statement > Number.NEGATIVE_INFINITY;
  return tooFew ? rank(scored, exclude, 4 * ranked) : exchanges;
}

/** A power of two, so that no total is rounded into a neighbouring step. */
const TOTAL_STEPS = 1_024;

/**
 * A total that at least `wanted` passages reach, among those that only ask (`asking`) or among the others;
 * −Infinity when there are fewer. Totals are counted in steps, which is faster than sorting them.
 */
function floorOf({ totals, flags }: ScoredScope, asking: boolean, wanted: number): number {
  const counts = new Uint32Array(TOTAL_STEPS);
  for (let place = 0; place < totals.length; place += 1) {
    if (isOnlyAQuestion(flags[place] ?? 0) !== asking) continue;
    const step = Math.min(Math.max(Math.floor((totals[place] ?? 0) * TOTAL_STEPS), 0), TOTAL_STEPS - 1);
    counts[step] = (counts[step] ?? 0) + 1;
  }
  let step = TOTAL_STEPS;
  for (let found = 0; step > 0 && found < wanted; found += counts[step] ?? 0) step -= 1;
  return step > 0 ? step / TOTAL_STEPS : Number.NEGATIVE_INFINITY;
}

/**
 * The candidates whose texts are fetched. Exchanges in which the user only asks take at most a third of the
 * places, so that a question asked a hundred times before can't fill them all.
 */
export function limitQuestions(ranked: readonly ScoredPassage[], topK: number): ScoredPassage[] {
  let asking = 0;
  return ranked
    .filter(({ flags }) => !isOnlyAQuestion(flags) || (asking += 1) <= topK)
    .slice(0, CANDIDATES_EACH * topK);
}
