import type { Candidate } from '../ranking/choose.ts';
import type { ScoredPassage, ScoredScope } from '../ranking/score.ts';
import { countWords } from '../text/words.ts';

/**
 * The passages of ordered exchanges, best first: each by its own log-odds, with what its exchange has gained
 * or lost by the order. No more than `atMost` are made: some exchanges have a hundred.
 */
export function passagesOf(
  ordered: readonly Candidate[],
  scored: ScoredScope,
  atMost = Number.POSITIVE_INFINITY,
): ScoredPassage[] {
  const totalAt = (place: number): number => scored.totals[place] ?? 0;
  let least = Number.NEGATIVE_INFINITY;
  // From the end, so that none stands below those that follow it.
  const totals = ordered
    .toReversed()
    .map(({ total }) => (least = Math.max(least, total)))
    .toReversed();
  return ordered
    .flatMap((candidate, i) => {
      const [first, best] = [totals[i] ?? 0, totalAt(candidate.place)];
      return placesOf(candidate, scored).map((place) => ({ place, total: first + (totalAt(place) - best) }));
    })
    .sort((a, b) => b.total - a.total)
    .slice(0, atMost)
    .flatMap(({ place, total }) => {
      const passage = scored.passageAt(place);
      return passage ? [{ ...passage, total }] : [];
    });
}

/** The places of all passages of a candidate's exchange: in time order they stand together. */
function placesOf({ exchangeId, place }: Candidate, { exchangeIdAt }: ScoredScope): number[] {
  const beside = (step: 1 | -1): number[] => {
    const found: number[] = [];
    for (let at = place + step; exchangeIdAt(at) === exchangeId; at += step) found.push(at);
    return found;
  };
  return [...beside(-1), place, ...beside(1)];
}

/** How many words a message takes in the prompt, with the day and the name before it; 0 when it is empty. */
export function quotedWords(text: string, name = 'user'): number {
  return text === '' ? 0 : countWords(`2000-01-01 "${name}": "${text}"`);
}

/** An exchange of so many words is quoted whole: what was said and what was answered explain each other. */
const WHOLE_WORDS = 80;

/**
 * What is quoted of passages, best first: those that fit into `maxWords`, of at most `topK` exchanges. The
 * best one is taken in any case.
 * @param already what is quoted of them, and the words that the prompt has beside it
 */
export function withinBudget<P extends { exchangeId: string; words: number }>(
  ranked: readonly P[],
  topK: number,
  maxWords: number,
  already: { quoted: readonly P[]; wordsBeside: number } = { quoted: [], wordsBeside: 0 },
): P[] {
  const together = Map.groupBy(ranked, ({ exchangeId }) => exchangeId);
  const exchanges = new Set(already.quoted.map(({ exchangeId }) => exchangeId));
  const taken = new Set(already.quoted);
  let words = already.quoted.reduce((sum, passage) => sum + passage.words, already.wordsBeside);
  const take = (passages: readonly P[], atMost: number): boolean => {
    const cost = passages.reduce((sum, passage) => sum + passage.words, 0);
    if (cost > atMost || (words > 0 && words + cost > maxWords)) return false;
    passages.forEach((passage) => taken.add(passage));
    words += cost;
    return true;
  };
  for (const passage of ranked) {
    const { exchangeId } = passage;
    const isNew = !exchanges.has(exchangeId);
    if (taken.has(passage) || (isNew && exchanges.size === topK)) continue;
    const whole = together.get(exchangeId) ?? [];
    if ((isNew && take(whole, WHOLE_WORDS)) || take([passage], Number.POSITIVE_INFINITY))
      exchanges.add(exchangeId);
  }
  return [...taken];
}
