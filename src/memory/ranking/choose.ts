import type { InSteps } from '../../lib/in-turns.ts';
import { wordsOf as searchWordsOf } from '../text/terms.ts';
import { isOnlyAQuestion } from '../text/questions.ts';
import type { ScoredPassage } from './score.ts';

/** A candidate for the prompt, with its texts. */
export type Candidate = ScoredPassage & {
  /** How well the passage holds each of the query's words, 0 to 1. */
  held: readonly number[];
  userText: string;
  replyText: string;
  /** The words of the reply to what only asks: nothing else is compared by them. */
  answer: ReadonlySet<string>;
  /** How much the user's message says that the query doesn't, see `addedBy`. */
  added: number;
  /** It is the query, asked before. */
  repeats: boolean;
  /** Cosine similarity of the user's message alone and the query. */
  userCosine: number;
  /** The user's message's embedding. */
  userEmbedding: ArrayLike<number>;
};

/** Cosine similarity from which two questions count once: each answer is the agent's own word. */
const SIMILAR_QUESTION = 0.75;
/** Cosine similarity up to which an earlier question loses nothing: it asks something else. */
const OTHER_QUESTION = 0.5;
/** From here up a question is the query in other words. */
const QUERY_IN_OTHER_WORDS = 0.7;
/** Of two questions with the same answer: the cosine similarity from which they ask the same. */
const SIMILAR_CLAIM = 0.5;
/** The share of common words from which two answers are the same. */
const SAME_ANSWER = 0.6;
/** Cosine similarity from which two statements are on one topic, if the newer has the query's words too. */
const SAME_TOPIC = 0.75;
/** The newer of two such statements ranks first unless its log-odds are so much lower. */
const CLEARLY_WORSE = 1.6;

/**
 * Orders candidates for the prompt, best first. What people say counts more than what the agent said: the
 * more an exchange in which the user only asks resembles the query, the less its score counts, since the
 * likeness is that of the questions, and its answer is the agent's. Questions that resemble the query and
 * each other take one place, and all of them a third of the places. Of two statements on one topic the newer
 * ranks above the older.
 */
export function* orderCandidates(candidates: readonly Candidate[], topK: number): InSteps<Candidate[]> {
  const byScore = [...candidates].sort((a, b) => b.total - a.total);
  const shares = yield* sharesOfPerson(byScore);
  const weighted = byScore
    .map((candidate) => ({ ...candidate, total: candidate.total * (shares.get(candidate) ?? 1) }))
    .sort((a, b) => b.total - a.total);
  const best = byScore.filter(({ repeats }) => !repeats).slice(0, topK);
  const kept = questionThatTells(best.filter((candidate) => (shares.get(candidate) ?? 1) !== 1));
  const distinct = weighted.filter(
    (candidate, i) =>
      candidate.exchangeId === kept?.exchangeId ||
      !weighted.slice(0, i).some((above) => isAskedAbove(candidate, above)),
  );
  return keepLastPlace(limitClaims(newerFirst(distinct), topK), topK, kept);
}

/** Letters of an answer that say whether it is another one's. */
const ANSWER_LETTERS = 2_000;
/**
 * As many words as say it. So many letters hold no more of ordinary length, except in a script without
 * spaces: each pair of its characters is a word.
 */
const ANSWER_WORDS = 600;

/** The first distinct words of an answer, for `Candidate`. */
export function answerWords(replyText: string): ReadonlySet<string> {
  const words = searchWordsOf(replyText.slice(0, ANSWER_LETTERS), 'asked');
  return new Set(words.slice(0, ANSWER_WORDS).map(({ word }) => word));
}

/** Whether the user only asks: by question marks, or since it is the query asked before. */
export function onlyAsks({ flags, repeats }: Pick<Candidate, 'flags' | 'repeats'>): boolean {
  return repeats || isOnlyAQuestion(flags);
}

/**
 * When in doubt, a question tells something ("Did you know that I moved to Graz?"): of those that are among
 * the best by their full score and lose by their likeness to the query, the one that adds most to it.
 */
function questionThatTells(losing: readonly Candidate[]): Candidate | undefined {
  const [most] = losing.toSorted((a, b) => b.added - a.added);
  return most;
}

/**
 * Exchanges in which the user only asks have the agent's word alone: more than a third of the places they get
 * only when nobody else has said anything.
 */
function limitClaims(ordered: readonly Candidate[], topK: number): Candidate[] {
  let left = Math.max(1, Math.floor(topK / 3));
  const { now = [], last = [] } = Object.groupBy(ordered, (candidate) =>
    onlyAsks(candidate) && (left -= 1) < 0 ? 'last' : 'now',
  );
  return [...now, ...last];
}

/** `kept` gets the last of the `topK` places, unless it has a better one. */
function keepLastPlace(
  ordered: readonly Candidate[],
  topK: number,
  kept: Candidate | undefined,
): Candidate[] {
  const place = ordered.findIndex(({ exchangeId }) => exchangeId === kept?.exchangeId);
  const candidate = ordered[place];
  if (!candidate || topK < 2 || place < topK) return [...ordered];
  return ordered.toSpliced(place, 1).toSpliced(topK - 1, 0, candidate);
}

/** Words of answers that are compared in one step: a millisecond. */
const COMPARED_IN_ONE_GO = 10_000;

/**
 * How much of a candidate's log-odds is the person's, of those that only ask; it is all of any other's. A
 * question to which the agent gave the same answer as to one like the query is as much like the query.
 */
function* sharesOfPerson(candidates: readonly Candidate[]): InSteps<Map<Candidate, number>> {
  const asked = candidates.filter(onlyAsks);
  const cosines = asked.map(({ userCosine }) => userCosine);
  let compared = 0;
  for (const [i, one] of asked.entries()) {
    for (const [j, other] of asked.slice(0, i).entries()) {
      if (compared >= COMPARED_IN_ONE_GO) {
        yield;
        compared = 0;
      }
      compared += Math.min(one.answer.size, other.answer.size);
      if (!isSameClaim(one, other)) continue;
      cosines[i] = Math.max(cosines[i] ?? 0, other.userCosine);
      cosines[j] = Math.max(cosines[j] ?? 0, one.userCosine);
    }
  }
  return new Map(asked.map((candidate, i) => [candidate, shareAt(candidate.total, cosines[i] ?? 0)]));
}

/** 1 for a question about something else than the query, by their cosine similarity. */
function shareAt(total: number, cosine: number): number {
  if (total <= 0) return 1;
  const likeness = (cosine - OTHER_QUESTION) / (QUERY_IN_OTHER_WORDS - OTHER_QUESTION);
  return 1 - Math.min(Math.max(likeness, 0), 1);
}

/** Whether the agent gave the same answer to a similar question: both then are as much like the query. */
function isSameClaim(a: Candidate, b: Candidate): boolean {
  if (dot(a.userEmbedding, b.userEmbedding) < SIMILAR_CLAIM) return false;
  const [fewer, more] = a.answer.size < b.answer.size ? [a.answer, b.answer] : [b.answer, a.answer];
  const needed = Math.max(SAME_ANSWER * more.size, 1);
  let [common, left] = [0, fewer.size];
  for (const word of fewer) {
    // Most answers are told apart by less than all of their words.
    if (common >= needed || common + left < needed) break;
    if (more.has(word)) common += 1;
    left -= 1;
  }
  return common >= needed;
}

function isAskedAbove(candidate: Candidate, above: Candidate): boolean {
  return (
    onlyAsks(candidate) &&
    onlyAsks(above) &&
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
    !onlyAsks(newer) &&
    !onlyAsks(older) &&
    newer.total >= older.total - CLEARLY_WORSE &&
    older.held.every((share, i) => share <= (newer.held[i] ?? 0)) &&
    dot(newer.userEmbedding, older.userEmbedding) >= SAME_TOPIC
  );
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}
