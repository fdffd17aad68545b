/** A question to memory, as search takes it. It is read apart from the thread that everybody shares. */
import { apart, THREADS } from '../../lib/apart.ts';
import type { QueryFacts } from '../ranking/score.ts';
import { namedIn, type SpeakerNames } from '../text/names.ts';
import { piecesOf } from '../text/questions.ts';
import { readableShare } from '../text/search-text.ts';
import { toQueryMasks } from '../text/search-terms.ts';
import { wordsOf } from '../text/terms.ts';
import { timeRangeOf } from '../text/time-range.ts';

/** See `RecallQuery`. */
export type AskedQuestion = { text: string; speakers: SpeakerNames; askedAt: Date };

export type ReadQuestion = {
  masks: readonly string[];
  facts: QueryFacts;
  /** The pieces of all its words, the speakers' names among them. */
  pieces: ReadonlySet<string>;
};

/** Of a question that can't be read in time the meaning alone is looked for. */
const read = apart(import.meta.url, questionRead, (): ReadQuestion => {
  const facts = { words: [], range: null, readable: 1, named: new Set<never>() };
  return { masks: [], facts, pieces: new Set() };
});

/** Reads a question of `owner`'s. Rejects as `apart` does. */
export function readQuestion(
  owner: Parameters<typeof read>[0],
  { text, speakers, askedAt }: AskedQuestion,
): Promise<ReadQuestion> {
  return read(owner, { text, speakers, askedAt });
}

/**
 * Resolves when each of `threads` has what reads a question, of which loading takes most of a second, and
 * more on a busy machine. The first to ask has no time for that.
 */
export async function makeReadersReady(threads = THREADS.inAll): Promise<void> {
  const nothing = { text: '', speakers: {}, askedAt: new Date() };
  // Each owner has a thread to itself.
  const owners = Array.from({ length: threads }, (_, i) => ({ tenantId: String(i), userId: '' }));
  await Promise.all(owners.map((owner) => readQuestion(owner, nothing)));
}

export function questionRead({ text, speakers, askedAt }: AskedQuestion): ReadQuestion {
  const called = Object.values(speakers).join(' ');
  const names = new Set(wordsOf(called, 'asked').map(({ word }) => word));
  const { masks, words } = toQueryMasks(wordsOf(text, 'asked').filter(({ word }) => !names.has(word)));
  return {
    masks,
    facts: {
      words,
      range: timeRangeOf(text, askedAt),
      readable: readableShare(text),
      named: namedIn(text, speakers),
    },
    pieces: piecesOf(`${text} ${called}`),
  };
}

export { makeTimesReady as makeReady } from '../text/named-times.ts';
