import { countWords } from '../text/words.ts';
import { isOnlyAQuestion } from '../text/questions.ts';
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
/** Factor on the score of an earlier asking of the query: the user's own statements rank above it. */
const SAME_QUESTION_FACTOR = 0.6;
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
 * Orders candidates for the prompt, best first. Of the exchanges that only ask the query again, one is left
 * and it ranks below statements. Of two statements on one topic the newer ranks above the older.
 */
export function orderCandidates(candidates: readonly Candidate[]): Candidate[] {
  const weighted = candidates
    .map((candidate) =>
      asksTheSame(candidate) ? { ...candidate, total: candidate.total * SAME_QUESTION_FACTOR } : candidate,
    )
    .sort((a, b) => b.total - a.total);
  const firstAsking = weighted.find(asksTheSame);
  return newerFirst(weighted.filter((candidate) => !asksTheSame(candidate) || candidate === firstAsking));
}

function asksTheSame({ flags, userCosine }: Candidate): boolean {
  return isOnlyAQuestion(flags) && userCosine >= SAME_QUESTION;
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
    older.masks.every((mask, i) => (mask & ~(newer.masks[i] ?? 0)) === 0) &&
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
