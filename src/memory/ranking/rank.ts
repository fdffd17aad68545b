import { MAX_TOP_K } from '../../domain/agent.ts';
import { holdsOnlyAQuestion } from '../text/questions.ts';
import type { ScoredPassage, ScoredScope } from './score.ts';

/** Candidates looked at more closely for each exchange wanted; the order among them may still change. */
const CANDIDATES_EACH = 3;
/** As many exchanges as any agent looks at: more are ranked only on the way to so many. */
const ENOUGH_EXCHANGES = CANDIDATES_EACH * MAX_TOP_K;
/** So many passages are ranked at first, beyond those in the window; sorting thousands for the sake of three took a fifth of the time. */
const RANKED = 2 * ENOUGH_EXCHANGES;

/** Each exchange's best passage, best first, without the exchanges of `exclude` (ids, with dashes or without). */
export function rank(scored: ScoredScope, exclude: readonly string[], ranked = RANKED): ScoredPassage[] {
  const { totals, flags, passageAt } = scored;
  const seen = new Set(exclude.map((id) => id.replaceAll('-', '')));
  // Two floors: a question asked a thousand times must not push what was told below it.
  const wanted = ranked + seen.size;
  const floors = { told: floorOf(scored, false, wanted), asked: floorOf(scored, true, wanted) };
  const best: ScoredPassage[] = [];
  for (let place = 0; place < totals.length; place += 1) {
    const floor = holdsOnlyAQuestion(flags[place] ?? 0) ? floors.asked : floors.told;
    const passage = (totals[place] ?? 0) >= floor ? passageAt(place) : undefined;
    if (passage && !seen.has(passage.exchangeId)) best.push(passage);
  }
  const exchanges = best
    .sort((a, b) => b.total - a.total || b.at - a.at)
    .filter(({ exchangeId }) => !seen.has(exchangeId) && seen.add(exchangeId));
  // Long messages have many passages: those of a few exchanges, or of the window's, can take all places.
  const told = exchanges.filter((passage) => !holdsOnlyAQuestion(passage.flags)).length;
  const tooFew = told < Math.min(ranked, ENOUGH_EXCHANGES) && floors.told > Number.NEGATIVE_INFINITY;
  return tooFew ? rank(scored, exclude, 4 * ranked) : exchanges;
}

/** A power of two: a total then isn't rounded into another step. */
const TOTAL_STEPS = 1_024;

/** What the best `wanted` totals of passages that only ask, or don't, come up to. They are counted in steps: sorting 5,000 took half a millisecond. */
function floorOf({ totals, flags }: ScoredScope, asking: boolean, wanted: number): number {
  const counts = new Uint32Array(TOTAL_STEPS);
  for (let place = 0; place < totals.length; place += 1) {
    if (holdsOnlyAQuestion(flags[place] ?? 0) !== asking) continue;
    const step = Math.min(Math.max(Math.floor((totals[place] ?? 0) * TOTAL_STEPS), 0), TOTAL_STEPS - 1);
    counts[step] = (counts[step] ?? 0) + 1;
  }
  let step = TOTAL_STEPS;
  for (let found = 0; step > 0 && found < wanted; found += counts[step] ?? 0) step -= 1;
  return step > 0 ? step / TOTAL_STEPS : Number.NEGATIVE_INFINITY;
}

/**
 * The candidates: so many that a question asked a hundred times before can't fill all places. Exchanges in
 * which the user only asks take a third of them at most.
 */
export function withSpareQuestions(ranked: readonly ScoredPassage[], topK: number): ScoredPassage[] {
  let asking = 0;
  return ranked
    .filter(({ flags }) => !holdsOnlyAQuestion(flags) || (asking += 1) <= topK)
    .slice(0, CANDIDATES_EACH * topK);
}
