import { MAX_TOP_K } from '../../domain/agent.ts';
import { ADDS_NOTHING, ONLY_ASKS } from '../text/questions.ts';
import type { ScoredPassage, ScoredScope } from './score.ts';

/** Candidates whose texts are fetched for each exchange wanted: their order can still change. */
const CANDIDATES_EACH = 3;
/** The most exchanges that any agent's recall examines. */
const ENOUGH_EXCHANGES = CANDIDATES_EACH * MAX_TOP_K;
/** Passages ranked in the first attempt, not counting the window's: sorting all takes too long. */
const RANKED = 2 * ENOUGH_EXCHANGES;

/**
 * Each exchange's best passage, best first, without the exchanges of `exclude` (ids, with dashes or without).
 * Ranks the best passages only, and ranks again with more when they come from too few exchanges.
 */
export function rank(scored: ScoredScope, exclude: readonly string[], ranked = RANKED): ScoredPassage[] {
  const { totals, flags, passageAt } = scored;
  const seen = new Set(exclude.map((id) => id.replaceAll('-', '')));
  // For each kind: a question asked a thousand times must not displace statements, nor what tells something.
  const wanted = ranked + seen.size;
  const floors = {
    statement: floorOf(scored, 'statement', wanted),
    question: floorOf(scored, 'question', wanted),
    repeat: floorOf(scored, 'repeat', wanted),
  };
  const best: ScoredPassage[] = [];
  for (let place = 0; place < totals.length; place += 1) {
    const passage = (totals[place] ?? 0) >= floors[kindOf(flags[place] ?? 0)] ? passageAt(place) : undefined;
    if (passage && !seen.has(passage.exchangeId)) best.push(passage);
  }
  const exchanges = best
    .sort((a, b) => b.total - a.total || b.at - a.at)
    .filter(({ exchangeId }) => !seen.has(exchangeId) && seen.add(exchangeId));
  // The best passages can all come from a few long exchanges, or from the window.
  const statements = exchanges.filter((passage) => kindOf(passage.flags) === 'statement').length;
  const tooFew =
    statements < Math.min(ranked, ENOUGH_EXCHANGES) && floors.statement > Number.NEGATIVE_INFINITY;
  return tooFew ? rank(scored, exclude, 4 * ranked) : exchanges;
}

/** What a passage is to the query, by its flags. */
type Kind = 'statement' | 'question' | 'repeat';

function kindOf(flags: number): Kind {
  if (flags & ADDS_NOTHING) return 'repeat';
  return flags & ONLY_ASKS ? 'question' : 'statement';
}

const STEPS = 1_024;

/**
 * A total that at least `wanted` passages of a kind reach; −Infinity when there are fewer. Totals are counted
 * in steps, which is faster than sorting them.
 */
function floorOf({ totals, flags }: ScoredScope, kind: Kind, wanted: number): number {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const total of totals) {
    if (total < least) least = total;
    if (total > most) most = total;
  }
  const step = (most - least) / (STEPS - 1) || 1;
  const counts = new Uint32Array(STEPS);
  for (let place = 0; place < totals.length; place += 1) {
    if (kindOf(flags[place] ?? 0) !== kind) continue;
    const at = Math.floor(((totals[place] ?? 0) - least) / step);
    counts[at] = (counts[at] ?? 0) + 1;
  }
  let at = STEPS;
  for (let found = 0; at > 0 && found < wanted; found += counts[at] ?? 0) at -= 1;
  // A little below the step, so that rounding loses none of it.
  return at > 0 ? least + (at - 0.5) * step : Number.NEGATIVE_INFINITY;
}

/**
 * The candidates whose texts are fetched. Exchanges in which the user only asks take at most a third of the
 * places, and so do those that add nothing to the query: a question asked a hundred times before can't fill
 * them all.
 */
export function limitQuestions(ranked: readonly ScoredPassage[], topK: number): ScoredPassage[] {
  const taken = { statement: Number.NEGATIVE_INFINITY, question: 0, repeat: 0 };
  return ranked.filter(({ flags }) => (taken[kindOf(flags)] += 1) <= topK).slice(0, CANDIDATES_EACH * topK);
}
