/** Whether a person has taken over a thread: Postgres knows, Redis remembers it for the next message. */
import type pg from 'pg';
import {
  endEscalation,
  findEscalation,
  openEscalation,
  type Escalation,
  type OpenEscalation,
} from '../db/escalations.ts';
import { INTAKE_REDIS_WITHIN_MS, POST_RECORD_WITHIN_MS } from '../domain/timing.ts';
import { within } from '../lib/within.ts';
import type { RedisClient } from '../redis/connection.ts';
import { escalationStatusKey } from '../redis/keys.ts';

type Stores = { pool: pg.Pool; redis: RedisClient };
type Thread = { tenantId: string; threadId: string };

const OPEN = 'open';
const NONE = 'none';
/** What Redis has lost, or was told while Postgres changed, is asked of Postgres again after this. */
const KEPT_SECONDS = 60;

/** The agent is silent there from now on. Asked for again it is the same. */
export async function escalate(stores: Stores, asked: OpenEscalation): Promise<Escalation> {
  const escalation = await openEscalation(stores.pool, asked);
  await note(stores.redis, asked, OPEN);
  return escalation;
}

/** The agent speaks there again. Undefined when it was not silent. */
export async function handBack(
  stores: Stores,
  asked: Parameters<typeof endEscalation>[1],
): Promise<Escalation | undefined> {
  const ended = await endEscalation(stores.pool, asked);
  await note(stores.redis, asked, NONE);
  return ended;
}

/**
 * Whether a person has taken over a thread. While neither Redis nor Postgres answers, nobody has: a person
 * who asks is not to be left without a word. Never rejects.
 */
export async function isEscalated({ pool, redis }: Stores, thread: Thread): Promise<boolean> {
  const key = escalationStatusKey(thread.tenantId, thread.threadId);
  const noted = await within(INTAKE_REDIS_WITHIN_MS, redis.get(key)).catch(() => null);
  if (noted !== null) return noted === OPEN;
  try {
    const asked = findEscalation(pool, thread.tenantId, thread.threadId);
    const isOpen = (await within(POST_RECORD_WITHIN_MS, asked)) !== undefined;
    // Not over what somebody has noted meanwhile, who has changed it.
    redis.set(key, isOpen ? OPEN : NONE, 'EX', KEPT_SECONDS, 'NX').catch(() => undefined);
    return isOpen;
  } catch {
    return false;
  }
}

async function note(redis: RedisClient, { tenantId, threadId }: Thread, status: string): Promise<void> {
  const noting = redis.set(escalationStatusKey(tenantId, threadId), status, 'EX', KEPT_SECONDS);
  // What it had before is over in a minute.
  await within(INTAKE_REDIS_WITHIN_MS, noting).catch(() => undefined);
}
