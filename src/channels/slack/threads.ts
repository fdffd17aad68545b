/** What is kept in Redis about a thread. A convenience: with Redis gone, replies still work. */
import type { RedisClient } from '../../redis/connection.ts';
import { THREAD_KEPT_SECONDS } from '../../redis/direct-threads.ts';
import {
  busyNoticeKey,
  engagedThreadKey,
  promptsShownKey,
  sessionKey,
  stoppedThreadKey,
} from '../../redis/keys.ts';

type Thread = { tenantId: string; threadId: string };

/** From now on the agent answers in this thread without being mentioned. */
export async function markEngaged(redis: RedisClient, thread: Thread, agentId: string): Promise<void> {
  await redis.set(engagedThreadKey(thread.tenantId, thread.threadId), agentId, 'EX', THREAD_KEPT_SECONDS);
}

/** The same, unless another agent is engaged there by now. Gives whether this one is. */
export async function markEngagedLate(redis: RedisClient, thread: Thread, agentId: string): Promise<boolean> {
  const key = engagedThreadKey(thread.tenantId, thread.threadId);
  return (await redis.set(key, agentId, 'EX', THREAD_KEPT_SECONDS, 'NX')) === 'OK';
}

/** Whether the agent is engaged in a thread. Rejects when Redis is away. */
export async function isEngaged(redis: RedisClient, thread: Thread, agentId: string): Promise<boolean> {
  return (await redis.get(engagedThreadKey(thread.tenantId, thread.threadId))) === agentId;
}

/** Remembers that a thread is an assistant thread, which shows a status. */
export async function markAssistantThread(redis: RedisClient, thread: Thread): Promise<void> {
  const session = JSON.stringify({ surface: 'assistant' });
  await redis.set(sessionKey(thread.tenantId, thread.threadId), session, 'EX', THREAD_KEPT_SECONDS);
}

/** Whether a thread is known as an assistant thread. Rejects when Redis is away. */
export async function isAssistantThread(redis: RedisClient, thread: Thread): Promise<boolean> {
  const session = await redis.get(sessionKey(thread.tenantId, thread.threadId));
  return session !== null && session.includes('"assistant"');
}

/** Longer than a turn runs that anybody still waits for; afterwards it can be retried. */
const STOPPED_KEPT_SECONDS = 15 * 60;

/** What was said in a thread before `at`, by Slack's clock, is not to be answered any more. */
export async function markStopped(redis: RedisClient, thread: Thread, at: string): Promise<void> {
  await redis.set(stoppedThreadKey(thread.tenantId, thread.threadId), at, 'EX', STOPPED_KEPT_SECONDS);
}

/** Whether a message of a thread is not to be answered any more. Rejects when Redis is away. */
export async function isStopped(redis: RedisClient, thread: Thread, eventTs: string): Promise<boolean> {
  const at = await redis.get(stoppedThreadKey(thread.tenantId, thread.threadId));
  return at !== null && Number(eventTs) < Number(at);
}

const PROMPTS_SHOWN_SECONDS = 30 * 24 * 60 * 60;

/** Whether a person opens the conversation with the agent for the first time in a while. */
export async function claimFirstOpening(
  redis: RedisClient,
  tenantId: string,
  userId: string,
): Promise<boolean> {
  const key = promptsShownKey(tenantId, userId);
  return (await redis.set(key, '1', 'EX', PROMPTS_SHOWN_SECONDS, 'NX')) === 'OK';
}

const NOTICE_EVERY_SECONDS = 60;

/** Whether a person may be told now that they write too much: once a minute, not once a message. */
export async function claimBusyNotice(
  redis: RedisClient,
  tenantId: string,
  userId: string,
): Promise<boolean> {
  const key = busyNoticeKey(tenantId, userId);
  return (await redis.set(key, '1', 'EX', NOTICE_EVERY_SECONDS, 'NX')) === 'OK';
}
