import { countWords } from '../text/words.ts';
import { holdsOnlyAQuestion } from '../text/questions.ts';
import type { ScoredPassage } from './score.ts';

/** A candidate for the prompt, with its texts. */
export type Candidate = ScoredPassage & {
  userText: string;
  replyText: string;
  /** Cosine of the user's message alone and the query. */
  userCosine: number;
  /** The user's message's embedding. */
  userEmbedding: readonly number[];
};

/** Two messages this alike ask the same. */
const SAME_QUESTION = 0.9;
/** The agent's earlier answer to the same question stands behind what the user said about it. */
const ASKED_BEFORE = 0.6;
/** Two statements this alike, the newer with all the question's words that the older has, are about one matter … */
const SAME_MATTER = 0.65;
/** … and the newer goes first unless it fits the question clearly worse. */
const NEARLY_AS_GOOD = 0.85;
/** What the date and the name cost in front of each message. */
export const LABEL_WORDS = 2;

/**
 * Orders candidates for the prompt, best first: repeated askings of the same question take one place and
 * stand behind statements; of two statements on one matter the newer stands above the older.
 */
export function orderCandidates(candidates: readonly Candidate[]): Candidate[] {
  const weighed = candidates
    .map((candidate) =>
      asksTheSame(candidate) ? { ...candidate, total: candidate.total * ASKED_BEFORE } : candidate,
    )
    .sort((a, b) => b.total - a.total);
  const firstAsking = weighed.find(asksTheSame);
  return newerFirst(weighed.filter((candidate) => !asksTheSame(candidate) || candidate === firstAsking));
}

function asksTheSame({ flags, userCosine }: Candidate): boolean {
  return holdsOnlyAQuestion(flags) && userCosine >= SAME_QUESTION;
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
    !holdsOnlyAQuestion(newer.flags) &&
    !holdsOnlyAQuestion(older.flags) &&
    newer.total >= NEARLY_AS_GOOD * older.total &&
    older.masks.every((mask, i) => (mask & ~(newer.masks[i] ?? 0)) === 0) &&
    dot(newer.userEmbedding, older.userEmbedding) >= SAME_MATTER
  );
}

function dot(a: readonly number[], b: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}

/** What quoting a candidate costs. */
export function wordsOf({ userText, replyText }: Pick<Candidate, 'userText' | 'replyText'>): number {
  return [userText, replyText]
    .filter((text) => text !== '')
    .reduce((sum, text) => sum + countWords(text) + LABEL_WORDS, 0);
}

/** The first `topK` that fit; the best one always does. */
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
