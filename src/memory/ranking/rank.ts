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
  const seen = new Set(exclude.map((id) => id.replaceAll('-', '')));
  // For each kind: a question asked a thousand times must not displace statements, nor what tells something.
  const wanted = ranked + seen.size;
  const places = bestPlaces(scored, wanted);
  const exchanges = Object.values(places)
    .flatMap((best) => best.flatMap((place) => scored.passageAt(place) ?? []))
    .filter(({ exchangeId }) => !seen.has(exchangeId))
    .sort((a, b) => b.total - a.total || b.at - a.at)
    .filter(({ exchangeId }) => !seen.has(exchangeId) && seen.add(exchangeId));
  // The best passages can all come from a few long exchanges, or from the window.
  const statements = exchanges.filter((passage) => kindOf(passage.flags) === 'statement').length;
  const tooFew = statements < Math.min(ranked, ENOUGH_EXCHANGES) && places.statement.length === wanted;
  return tooFew ? rank(scored, exclude, 4 * ranked) : exchanges;
}

/** What a passage is to the query, by its flags. */
type Kind = 'statement' | 'question' | 'repeat';

function kindOf(flags: number): Kind {
  if (flags & ADDS_NOTHING) return 'repeat';
  return flags & ONLY_ASKS ? 'question' : 'statement';
}

/**
 * The places of the best `wanted` passages of each kind, of equals the newest: no more of them, however many
 * are equal. Those of a kind stand in a heap, the worst first.
 */
function bestPlaces({ totals, flags }: ScoredScope, wanted: number): Record<Kind, number[]> {
  const heaps: Record<Kind, number[]> = { statement: [], question: [], repeat: [] };
  const isWorse = (a: number, b: number): boolean => {
    const apart = (totals[a] ?? 0) - (totals[b] ?? 0);
    return apart < 0 || (apart === 0 && a < b);
  };
  const rise = (heap: number[], place: number): void => {
    let i = heap.length;
    for (; i > 0; i = (i - 1) >> 1) {
      const parent = heap[(i - 1) >> 1] ?? 0;
      if (!isWorse(place, parent)) break;
      heap[i] = parent;
    }
    heap[i] = place;
  };
  const sink = (heap: number[], place: number): void => {
    let i = 0;
    for (;;) {
      const [left, right] = [2 * i + 1, 2 * i + 2];
      const child = right < heap.length && isWorse(heap[right] ?? 0, heap[left] ?? 0) ? right : left;
      const below = heap[child];
      if (below === undefined || !isWorse(below, place)) break;
      heap[i] = below;
      i = child;
    }
    heap[i] = place;
  };
  // Newest first: what is equal to the worst is older, and stays out.
  for (let place = totals.length - 1; place >= 0; place -= 1) {
    const heap = heaps[kindOf(flags[place] ?? 0)];
    if (heap.length < wanted) rise(heap, place);
    else if (wanted > 0 && isWorse(heap[0] ?? 0, place)) sink(heap, place);
  }
  return heaps;
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
