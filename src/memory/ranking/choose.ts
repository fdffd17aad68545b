import { countWords } from '../text/words.ts';
import { isOnlyAQuestion, isUnansweredQuestion } from '../text/questions.ts';
import type { ScoredPassage } from './score.ts';

/** A candidate for the prompt, with its texts. */
export type Candidate = ScoredPassage & {
  userText: string;
  replyText: string;
  /** Cosine similarity of the user's message alone and the query. */
  userCosine: number;
  /** The user's message's embedding. */
  userEmbedding: readonly number[];
};

/** Cosine similarity from which two messages count as the same question. */
const SAME_QUESTION = 0.9;
/** Cosine similarity from which two questions count once: what the agent answered is its own word each time. */
const SIMILAR_QUESTION = 0.75;
/** Cosine similarity up to which an earlier question loses nothing: it asks something else. */
const OTHER_QUESTION = 0.3;
/** What an earlier question loses for each unit of similarity above that: 0.6 is left of the same question. */
const LOSS_OF_QUESTION = 1;
/**
 * Cosine similarity from which two statements count as being about one topic, if the newer one also has all
 * of the query's words that the older one has.
 */
const SAME_TOPIC = 0.65;
/** The newer of two such statements ranks first if its score is at least this share of the older one's. */
const NEARLY_AS_GOOD = 0.85;
/** Words that the date and the name take in front of each quoted message. */
export const LABEL_WORDS = 2;

/**
 * Orders candidates for the prompt, best first. What people say counts more than what the agent said: the more
 * an exchange in which the user only asks resembles the query, the less its score counts, since the likeness
 * is that of the questions, and its answer is the agent's. Questions that resemble the query and each other take one
 * place.
 * Of two statements on one topic the newer ranks above the older.
 */
export function orderCandidates(candidates: readonly Candidate[]): Candidate[] {
  const weighted = candidates
    .filter((candidate) => !isUnansweredQuestion(candidate.flags) || candidate.userCosine < SAME_QUESTION)
    .map((candidate) => ({ ...candidate, total: candidate.total * shareOfPerson(candidate) }))
    .sort((a, b) => b.total - a.total);
  return newerFirst(
    weighted.filter((candidate, i) => !weighted.slice(0, i).some((above) => repeats(candidate, above))),
  );
}

function shareOfPerson({ flags, userCosine }: Candidate): number {
  if (!isOnlyAQuestion(flags)) return 1;
  return (
    1 - LOSS_OF_QUESTION * Math.min(Math.max(userCosine - OTHER_QUESTION, 0), SAME_QUESTION - OTHER_QUESTION)
  );
}

function repeats(candidate: Candidate, above: Candidate): boolean {
  return (
    isOnlyAQuestion(candidate.flags) &&
    isOnlyAQuestion(above.flags) &&
    candidate.userCosine >= SIMILAR_QUESTION &&
    dot(candidate.userEmbedding, above.userEmbedding) >= SIMILAR_QUESTION
  );
}

/** @param ranked best first */
function newerFirst(ranked: readonly Candidate[]): Candidate[] {
  const ordered: Candidate[] = [];
  for (const candidate of ranked) {
    const older = ordered.findIndex((above) => updates(candidate, above));
    if (older < 0) ordered.push(candidate);
    else ordered.splice(older, 0, candidate);
  }
  return ordered;
}

function updates(newer: Candidate, older: Candidate): boolean {
  return (
    newer.at > older.at &&
    !isOnlyAQuestion(newer.flags) &&
    !isOnlyAQuestion(older.flags) &&
    newer.total >= NEARLY_AS_GOOD * older.total &&
    older.held.every((share, i) => share <= (newer.held[i] ?? 0)) &&
    dot(newer.userEmbedding, older.userEmbedding) >= SAME_TOPIC
  );
}

function dot(a: readonly number[], b: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}

/** How many words a candidate takes in the prompt. */
export function wordsOf({ userText, replyText }: Pick<Candidate, 'userText' | 'replyText'>): number {
  return [userText, replyText]
    .filter((text) => text !== '')
    .reduce((sum, text) => sum + countWords(text) + LABEL_WORDS, 0);
}

/** The first `topK` candidates that fit into `maxWords`. The best one is taken in any case. */
export function withinBudget(ordered: readonly Candidate[], topK: number, maxWords: number): Candidate[] {
  const chosen: Candidate[] = [];
  let words = 0;
  for (const candidate of ordered) {
    if (chosen.length === topK) break;
    const cost = wordsOf(candidate);
    if (chosen.length > 0 && words + cost > maxWords) continue;
    chosen.push(candidate);
    words += cost;
  }
  return chosen;
}
