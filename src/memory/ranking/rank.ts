import { MAX_TOP_K } from '../../domain/agent.ts';
import type { InSteps } from '../../lib/in-turns.ts';
import { ADDS_NOTHING, ONLY_ASKS } from '../text/questions.ts';
import { bestFirst, type BestFirst } from './best-first.ts';
import type { ScoredPassage, ScoredScope } from './score.ts';

/** Candidates whose texts are fetched for each exchange wanted: their order can still change. */
const CANDIDATES_EACH = 3;
/** The most exchanges that any agent's recall examines. */
const ENOUGH_EXCHANGES = CANDIDATES_EACH * MAX_TOP_K;
/** Passages of each kind that are ranked, not counting the window's: a few of them may be of one exchange. */
const RANKED = 2 * ENOUGH_EXCHANGES;
/** So many times as many are ranked when they come from too few exchanges. */
const MORE = 4;
/** Passages that are ranked in one step: a millisecond or two. */
const RANKED_IN_ONE_GO = 2_000;

/** What a passage is to the query, by its flags. */
const KINDS = ['statement', 'question', 'repeat'] as const;
type Kind = (typeof KINDS)[number];

function kindOf(flags: number): Kind {
  if (flags & ADDS_NOTHING) return 'repeat';
  return flags & ONLY_ASKS ? 'question' : 'statement';
}

/**
 * Each exchange's best passage, best first, without the exchanges of `exclude` (ids, with dashes or without).
 * Of equals the newest is best, and of equals of one moment the first by its kind. Ranks the best passages of
 * each kind, and goes on with the next when they come from too few exchanges.
 */
export function* rank(
  scored: ScoredScope,
  exclude: readonly string[],
  ranked = RANKED,
): InSteps<ScoredPassage[]> {
  const { flags, exchangeIdAt, passageAt } = scored;
  const excluded = new Set(exclude.map((id) => id.replaceAll('-', '')));
  const order = orderOf(scored);
  const best = new Map<string, number>();
  const ofKinds = yield* byKind(scored);
  let looked = 0;
  for (let [from, wanted] = [0, ranked]; ; wanted *= MORE) {
    // Of each kind: a question asked a thousand times must displace no statement, nor what tells something.
    const to = wanted + excluded.size;
    for (const { take } of Object.values(ofKinds)) {
      for (let nth = from; nth < to; nth += 1) {
        const place = take();
        if (place === undefined) break;
        looked += 1;
        if (looked % RANKED_IN_ONE_GO === 0) yield;
        const id = exchangeIdAt(place) ?? '';
        if (excluded.has(id)) continue;
        const other = best.get(id);
        if (other === undefined || order(place, other) < 0) best.set(id, place);
      }
    }
    from = to;
    // The best passages can all come from a few long exchanges, or from the window.
    const places = [...best.values()];
    const statements = places.filter((place) => kindOf(flags[place] ?? 0) === 'statement').length;
    if (statements < Math.min(wanted, ENOUGH_EXCHANGES) && ofKinds.statement.count >= to) continue;
    const passages: ScoredPassage[] = [];
    for (const [nth, place] of places.sort(order).entries()) {
      if (nth % RANKED_IN_ONE_GO === RANKED_IN_ONE_GO - 1) yield;
      const passage = passageAt(place);
      if (passage) passages.push(passage);
    }
    return passages;
  }
}

/** How places compare: the better one is the lesser. */
function orderOf({ totals, ats, flags }: ScoredScope): (a: number, b: number) => number {
  const kindAt = (place: number): number => KINDS.indexOf(kindOf(flags[place] ?? 0));
  return (a, b) =>
    (totals[b] ?? 0) - (totals[a] ?? 0) || (ats[b] ?? 0) - (ats[a] ?? 0) || kindAt(a) - kindAt(b) || b - a;
}

/** The places of each kind. */
function* byKind({ totals, flags }: ScoredScope): InSteps<Record<Kind, BestFirst>> {
  const places: Record<Kind, number[]> = { statement: [], question: [], repeat: [] };
  for (let place = totals.length - 1; place >= 0; place -= 1) places[kindOf(flags[place] ?? 0)].push(place);
  return {
    statement: yield* bestFirst(places.statement, totals),
    question: yield* bestFirst(places.question, totals),
    repeat: yield* bestFirst(places.repeat, totals),
  };
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
