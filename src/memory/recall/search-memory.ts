import type pg from 'pg';
import type { Agent } from '../../domain/agent.ts';
import type { RecalledMemory } from '../../domain/conversation.ts';
import { createFairPlaces } from '../../lib/fair-places.ts';
import type { Embedder } from '../embedding/embedder.ts';
import { embedQuestion } from './question-embeddings.ts';
import { recall } from './recall.ts';
import { timeToCompare } from './time-to-compare.ts';

/** A question that somebody has to what an agent remembers of a user. */
export type MemoryQuestion = {
  agent: Agent;
  userId: string;
  query: string;
  /** What alone is looked at; both, weighed as the agent's recall weighs them, when left out. */
  by?: 'meaning' | 'words' | undefined;
};

/** What fits, best first. `hasMore`: more fits, if less, or older passages were not compared. */
export type FoundMemories = { memories: RecalledMemory[]; hasMore: boolean };

/** Finds what fits. Rejects with the reason of `signal`, or of a service that is away. */
export type SearchMemory = (question: MemoryQuestion, signal: AbortSignal) => Promise<FoundMemories>;

/**
 * Searches of one process at once, from the question's embedding on. Turns have places of their own, in
 * another process: so many searches beside them leave them most of the machine.
 */
export const SEARCHES_AT_ONCE = 2;
/** Exchanges that are found, and words of them. */
const TOP_K = 10;
const MAX_WORDS = 2_000;

/**
 * Makes the search of a process. It ranks as recall does for a turn of the agent, waits for its turn as that
 * does, and gives the best there is, however little it fits.
 */
export function createSearchMemory(
  { pool, embedder }: { pool: pg.Pool; embedder: Pick<Embedder, 'embed'> },
  places = createFairPlaces(SEARCHES_AT_ONCE),
): SearchMemory {
  return async ({ agent, userId, query, by }, signal) => {
    const { tenantId, id: agentId, name } = agent;
    const owner = { tenantId, userId };
    const settings = {
      topK: TOP_K,
      threshold: 0,
      maxWords: MAX_WORDS,
      fillWords: 0,
      cosineWeight: by === undefined ? agent.recall.cosineWeight : by === 'meaning' ? 1 : 0,
    };
    const { recalled, nearestMiss, comparedNewest } = await places(owner, signal, async () => {
      const embedded = await embedQuestion(query, { agent: name }, (text) =>
        embedder.embed(text, { ...owner, priority: 'query', signal }),
      );
      return recall(
        pool,
        { scope: { ...owner, agentId }, settings, hasTime: timeToCompare(signal), signal },
        {
          text: query,
          embedding: Array.from(embedded.embedding),
          inFirstPerson: embedded.inFirstPerson && Array.from(embedded.inFirstPerson),
          askedAt: new Date(),
          speakers: { agent: name },
        },
        (search) => search({ exclude: [], shown: [] }),
      );
    });
    const fits = ({ lexical }: { lexical: number }): boolean => by !== 'words' || lexical > 0;
    return {
      memories: recalled.filter(fits),
      hasMore: (nearestMiss !== null && fits(nearestMiss)) || comparedNewest !== undefined,
    };
  };
}
