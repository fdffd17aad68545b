import { INTAKE_CHANNEL_WITHIN_MS, INTAKE_REDIS_WITHIN_MS } from '../../../domain/timing.ts';
import type { FairPlaces } from '../../../lib/fair-places.ts';
import { keepNewest } from '../../../lib/keep-newest.ts';
import { within } from '../../../lib/within.ts';
import type { RedisClient } from '../../../redis/connection.ts';
import { isEngaged, markEngaged, markEngagedLate } from '../threads.ts';
import type { SlackMessage } from './events.ts';
import type { Installation } from './installations.ts';
import { createOncePerKey } from './once-per-key.ts';

type Thread = { tenantId: string; threadId: string };

/** In which threads an agent answers without being mentioned. */
export type EngagedThreads = {
  /** From now on it does. Rejects while Redis is away or full; this process knows it all the same. */
  mark(thread: Thread, agentId: string): Promise<void>;
  /** Whether it does in a message's thread; `unknown` while nobody can say. */
  isEngaged(
    message: Pick<SlackMessage, 'channel' | 'threadTs' | 'user'>,
    thread: Thread,
    installation: Installation,
  ): Promise<boolean | 'unknown'>;
};

/** Threads that a process knows of, where Redis doesn't answer. */
const MAX_KNOWN = 10_000;
/** What Slack has said counts for so long, and until it says more: some apps may look once a minute. */
const LOOK_KEPT_MS = 3_000;
const MAX_LOOKS_KEPT = 1_000;

/**
 * Redis knows; without it this process, of the threads that it has heard of; and of others Slack does: the
 * agent is engaged where it has spoken.
 */
export function createEngagedThreads(redis: RedisClient, readInTurn: FairPlaces): EngagedThreads {
  const known = new Map<string, true>();
  /** Those of them that Redis has not taken yet. */
  const unmarked = new Map<string, true>();
  const seen = new Map<string, boolean>();
  const lookOnce = createOncePerKey<boolean>({ keptMs: LOOK_KEPT_MS, maxKept: MAX_LOOKS_KEPT });
  const keyOf = ({ tenantId, threadId }: Thread, agentId: string) => `${tenantId} ${threadId} ${agentId}`;
  const note = (key: string, engaged: boolean): boolean => {
    if (engaged) keepNewest(known, key, true, MAX_KNOWN);
    else known.delete(key);
    return engaged;
  };
  const mark = async (thread: Thread, agentId: string): Promise<void> => {
    const key = keyOf(thread, agentId);
    note(key, true);
    keepNewest(unmarked, key, true, MAX_KNOWN);
    await markEngaged(redis, thread, agentId);
    unmarked.delete(key);
  };
  const markLate = async (thread: Thread, agentId: string): Promise<boolean> => {
    try {
      return await within(INTAKE_REDIS_WITHIN_MS, markEngagedLate(redis, thread, agentId));
    } catch {
      keepNewest(unmarked, keyOf(thread, agentId), true, MAX_KNOWN);
      return true;
    }
  };
  return {
    mark,
    async isEngaged({ channel, threadTs = '', user }, thread, { tenantId, agentId, botUserId, client }) {
      const key = keyOf(thread, agentId);
      try {
        const isMarked = await within(INTAKE_REDIS_WITHIN_MS, isEngaged(redis, thread, agentId));
        // Redis had no room for the mark, it may have by now.
        const isOwed = unmarked.delete(key) && !isMarked;
        return note(key, isMarked || (isOwed && (await markLate(thread, agentId))));
      } catch {
        if (known.has(key)) return true;
      }
      const look = async (): Promise<boolean> => {
        const signal = AbortSignal.timeout(INTAKE_CHANNEL_WITHIN_MS);
        const asked = { channel, ts: threadTs, limit: 200 };
        const { messages = [] } = await readInTurn({ tenantId, userId: user }, signal, () =>
          client.conversations.replies(asked),
        );
        const found = messages.some((message) => message.user === botUserId);
        keepNewest(seen, key, found, MAX_LOOKS_KEPT);
        return found;
      };
      const looking = lookOnce(key, look);
      return within(INTAKE_CHANNEL_WITHIN_MS, looking).catch(() => seen.get(key) ?? 'unknown');
    },
  };
}
