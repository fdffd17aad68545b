import type { Response } from 'express';
import type pg from 'pg';
import type { RecalledMemory, Scope } from '../domain/conversation.ts';
import type { MemoryQuestion, SearchMemory } from '../memory/recall/search-memory.ts';
import { knownAgent } from './memory-page.ts';
import { goneOrClosing } from './prefer.ts';
import { Problem, unavailable } from './problems.ts';

/** The first search of a process loads the model. */
export const SEARCH_WITHIN_MS = 20_000;

export type MemorySearcher = {
  pool: pg.Pool;
  /** Undefined where no model is set. */
  search: SearchMemory | undefined;
  closing: AbortSignal;
};

/** What an agent remembers of a user that fits a question, best first. Rejects with a Problem. */
export async function searchMemoryOf(
  { pool, search, closing }: MemorySearcher,
  { query, by, ...given }: Scope & Pick<MemoryQuestion, 'query' | 'by'>,
  res: Response,
): Promise<RecalledMemory[]> {
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
  const signal = AbortSignal.any([goneOrClosing(res, closing), AbortSignal.timeout(SEARCH_WITHIN_MS)]);
  return search({ agent, userId: given.userId, query, by }, signal).catch((error: unknown): never => {
    // Late, busy or broken, it is to be tried again.
    if (signal.aborted) throw unavailable('The search');
    throw error;
  });
}
