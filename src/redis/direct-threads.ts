/** The threads between one person and an agent: their marks can be found when the person is forgotten. */
import type { Scope } from '../domain/conversation.ts';
import type { RedisClient } from './connection.ts';
import {
  directThreadsKey,
  engagedThreadKey,
  escalationStatusKey,
  pendingToolConfirmKey,
  sessionKey,
  stoppedThreadKey,
} from './keys.ts';

/** A mark of a thread goes when nobody has written in it for so long. */
export const THREAD_KEPT_SECONDS = 90 * 24 * 60 * 60;

/** Notes that a thread is between this person and the agent alone. */
export async function noteDirectThread(
  redis: RedisClient,
  { tenantId, agentId, userId }: Scope,
  threadId: string,
): Promise<void> {
  const key = directThreadsKey(tenantId, agentId, userId);
  await redis.sadd(key, threadId);
  await redis.expire(key, THREAD_KEPT_SECONDS);
}

/** Removes all marks of these threads, and the list of them. Gives the number of keys. Safe to repeat. */
export async function forgetDirectThreads(
  redis: RedisClient,
  { tenantId, agentId, userId }: Scope,
): Promise<number> {
  const list = directThreadsKey(tenantId, agentId, userId);
  const kinds = [engagedThreadKey, sessionKey, escalationStatusKey, pendingToolConfirmKey, stoppedThreadKey];
  let removed = 0;
  for (const threadId of await redis.smembers(list))
    for (const keyOf of kinds) removed += await redis.del(keyOf(tenantId, threadId));
  return removed + (await redis.del(list));
}
