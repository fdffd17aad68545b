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

/** Threads whose marks are removed at a time. */
const THREADS_AT_ONCE = 100;

/** The kinds of key that name a thread. */
const KINDS = [engagedThreadKey, sessionKey, escalationStatusKey, pendingToolConfirmKey, stoppedThreadKey];

/**
 * Notes that a thread is between this person and the agent alone. Those in which nobody has written for as
 * long as marks are kept are noted no longer.
 */
export async function noteDirectThread(
  redis: RedisClient,
  { tenantId, agentId, userId }: Scope,
  threadId: string,
): Promise<void> {
  const key = directThreadsKey(tenantId, agentId, userId);
  const now = Math.floor(Date.now() / 1_000);
  await redis.zadd(key, now, threadId);
  await redis.zremrangebyscore(key, '-inf', String(now - THREAD_KEPT_SECONDS));
  await redis.expire(key, THREAD_KEPT_SECONDS);
}

/**
 * Removes all marks of these threads, and the list of them. Gives the number of keys. Calls `heartbeat` now
 * and then. What is removed is not looked at again, so it goes on where it broke off.
 */
export async function forgetDirectThreads(
  redis: RedisClient,
  { tenantId, agentId, userId }: Scope,
  heartbeat: () => void,
): Promise<number> {
  const list = directThreadsKey(tenantId, agentId, userId);
  let removed = await redis.exists(list);
  for (;;) {
    heartbeat();
    const threads = await redis.zrange(list, '0', String(THREADS_AT_ONCE - 1));
    if (threads.length === 0) return removed;
    // One by one: in a cluster the keys of one command must be of one slot.
    const marks = threads.flatMap((threadId) => KINDS.map((keyOf) => keyOf(tenantId, threadId)));
    const counts = await Promise.all(marks.map((key) => redis.del(key)));
    removed += counts.reduce((sum, count) => sum + count, 0);
    await redis.zrem(list, ...threads);
  }
}
