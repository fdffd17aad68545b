import type { Response } from 'express';
import type pg from 'pg';
import type { Scope } from '../domain/conversation.ts';
import type { FoundMemories, MemoryQuestion, SearchMemory } from '../memory/recall/search-memory.ts';
import { knownAgent } from './memory-page.ts';
import { goneOrClosing } from './prefer.ts';
import { Problem, unavailable } from './problems.ts';

/** The first search of a process loads the model. */
export const SEARCH_WITHIN_MS = 20_000;

/** Of a tenant that is alone, messages and imports that Temporal is asked about at once. Others wait. */
export const LOOKS_AT_ONCE = 10;

export type MemorySearcher = {
  pool: pg.Pool;
  /** Undefined where no model is set. */
  search: SearchMemory | undefined;
  closing: AbortSignal;
};

/**
 * What is looked up for whoever reads an answer: when they are gone, or it takes too long, it is stopped.
 * Rejects with a Problem.
 */
export async function lookUpFor<T>(
  res: Response,
  closing: AbortSignal,
  what: string,
  lookUp: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const signal = goneOrClosing(res, closing, SEARCH_WITHIN_MS);
  try {
    return await lookUp(signal);
  } catch (error) {
    // Late, busy or broken, it is to be tried again.
    if (signal.aborted) throw unavailable(what);
    throw error;
  }
}

/** What an agent remembers of a user that fits a question, best first. Rejects with a Problem. */
export async function searchMemoryOf(
  { pool, search, closing }: MemorySearcher,
  { query, by, ...given }: Scope & Pick<MemoryQuestion, 'query' | 'by'>,
  res: Response,
): Promise<FoundMemories> {
  const agent = await knownAgent(pool, given);
  if (!search) {
    throw new Problem(
      503,
      'No search',
      'This API has no embedding model: its operator sets KONSTRUCT_MODELS.',
      {
        headers: { 'Retry-After': '60' },
      },
    );
  }
  const question = { agent, userId: given.userId, query, by };
  return lookUpFor(res, closing, 'The search', (signal) => search(question, signal));
}
