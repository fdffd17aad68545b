import type pg from 'pg';
import { findAgent } from '../db/agents.ts';
import { PAGE_BYTES, upToFull } from '../db/page.ts';
import type { Agent } from '../domain/agent.ts';
import type { ConversationMessage, Scope } from '../domain/conversation.ts';
import { listMemories, type StoredMemory } from '../memory/long-term/memories.ts';
import { getNewest } from '../memory/window/window.ts';
import type { RedisClient } from '../redis/connection.ts';
import { pageOf, type PageWanted } from './cursor.ts';
import { notFound, unavailable } from './problems.ts';
import { toUuid } from './uuid.ts';

export type MemoryReader = { pool: pg.Pool; redis: RedisClient };

export type MemoryPage = {
  /** The newest of the window, as many as fill a page. */
  window: ConversationMessage[];
  memories: StoredMemory[];
  nextCursor: string | null;
};

/** What an agent remembers of a user, newest memories first. Rejects with a Problem. */
export async function memoryOf(
  { pool, redis }: MemoryReader,
  given: Scope,
  asked: PageWanted,
): Promise<MemoryPage> {
  const { id: agentId } = await knownAgent(pool, given);
  const scope = { ...given, agentId };
  const { pageBytes = PAGE_BYTES } = asked;
  const [window, { page, nextCursor }] = await Promise.all([
    getNewest(redis, scope, 2 * pageBytes).catch(() => {
      throw unavailable('Redis');
    }),
    pageOf(asked, (rows) => listMemories(pool, scope, rows)),
  ]);
  return { window: upToFull(window.toReversed(), pageBytes).toReversed(), memories: page, nextCursor };
}

/** The agent that a request names. Rejects with a Problem when the tenant has none of this id. */
export async function knownAgent(
  pool: pg.Pool,
  { tenantId, agentId }: Pick<Scope, 'tenantId' | 'agentId'>,
): Promise<Agent> {
  const id = toUuid(agentId);
  const agent = id && (await findAgent(pool, tenantId, id));
  if (!agent) throw notFound('agent');
  return agent;
}
