import type { Candidate } from '../ranking/choose.ts';
import type { ScoredPassage, ScoredScope } from '../ranking/score.ts';
import { countWords } from '../text/words.ts';

/** Words that the date and the name take in front of each quoted message. */
export const LABEL_WORDS = 2;

/**
 * The passages of ordered exchanges, best first: each by its own log-odds, with what its exchange has gained or
 * lost by the order.
 */
export function passagesOf(ordered: readonly Candidate[], scored: ScoredScope): ScoredPassage[] {
  let least = Number.NEGATIVE_INFINITY;
  // From the end, so that none stands below those that follow it.
  const totals = ordered
    .toReversed()
    .map(({ total }) => (least = Math.max(least, total)))
    .toReversed();
  return ordered
    .flatMap((candidate, i) => {
      const best = scored.totals[candidate.place] ?? 0;
      return withNeighbours(candidate, scored).map((one) => ({
        ...one,
        total: (totals[i] ?? 0) + (one.total - best),
      }));
    })
    .sort((a, b) => b.total - a.total);
}

/** All passages of a candidate's exchange: in time order they stand together. */
function withNeighbours({ exchangeId, place }: Candidate, { passageAt }: ScoredScope): ScoredPassage[] {
  const beside = (step: 1 | -1): ScoredPassage[] => {
    const found: ScoredPassage[] = [];
    for (let at = place + step; ; at += step) {
      const passage = passageAt(at);
      if (passage?.exchangeId !== exchangeId) return found;
      found.push(passage);
    }
  };
  const own = passageAt(place);
  return [...beside(-1), ...(own ? [own] : []), ...beside(1)];
}

/** How many words a passage takes in the prompt. */
export function wordsOf({ userText, replyText }: { userText: string; replyText: string }): number {
  return [userText, replyText]
    .filter((text) => text !== '')
    .reduce((sum, text) => sum + countWords(text) + LABEL_WORDS, 0);
}

/**
 * What is quoted of passages, best first: those that fit into `maxWords`, of at most `topK` exchanges. The
 * best one is taken in any case.
 */
export function withinBudget<P extends { exchangeId: string; userText: string; replyText: string }>(
  ranked: readonly P[],
  topK: number,
  maxWords: number,
): P[] {
  const exchanges = new Set<string>();
  let words = 0;
  return ranked.filter((passage) => {
    const { exchangeId } = passage;
    const cost = wordsOf(passage);
    if (!exchanges.has(exchangeId) && exchanges.size === topK) return false;
    if (words > 0 && words + cost > maxWords) return false;
    exchanges.add(exchangeId);
    words += cost;
    return true;
  });
}
