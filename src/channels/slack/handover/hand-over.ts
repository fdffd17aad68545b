/** A person takes over a thread in Slack, and gives it back. */
import type { WebClient } from '@slack/web-api';
import type pg from 'pg';
import type { Logger } from 'pino';
import type { AuditActor } from '../../../db/audit.ts';
import {
  claimTelling,
  endTelling,
  noteTold,
  type Escalation,
  type OpenedBy,
} from '../../../db/escalations.ts';
import { HANDED_BACK_LINE } from '../../../domain/words.ts';
import { escalate, handBack } from '../../../intake/escalations.ts';
import type { Agent } from '../../../domain/agent.ts';
import type { FairPlaces } from '../../../lib/fair-places.ts';
import type { RedisClient } from '../../../redis/connection.ts';
import type { Said } from '../../channel.ts';
import { tellPeople } from './tell-people.ts';
import { threadPlaceOf } from './thread-id.ts';

type Stores = {
  pool: pg.Pool;
  redis: RedisClient;
  log: Logger;
  /** Places of those for whom threads are read, where nothing else bounds how many are. */
  readInTurn?: FairPlaces;
};

export type HandOver = {
  /** Without a client the agent is silent, and nobody is told. */
  installation: { tenantId: string; client: WebClient | undefined };
  threadId: string;
  agent: Pick<Agent, 'id' | 'name' | 'escalation'> | undefined;
  /** Who is spoken with. */
  userId: string | undefined;
  /** What of the conversation is at hand, oldest first: where Slack doesn't show it. */
  said?: readonly Said[];
  by: OpenedBy;
  actor: AuditActor;
};

/** What people are told; with a signal, the telling breaks off between two calls of Slack. */
type ToTell = Pick<HandOver, 'installation' | 'threadId' | 'agent' | 'userId' | 'said'> & {
  signal?: AbortSignal;
};

/**
 * The agent is silent in the thread, and people are told, once. Asked for again it goes on where it was left.
 * Rejects while Postgres or Slack is away.
 */
export async function handOver(stores: Stores, asked: HandOver): Promise<Escalation> {
  const escalation = await beSilent(stores, asked);
  await tellOnce(stores, asked, escalation);
  return escalation;
}

/** The agent is silent in the thread; nobody is told by this. Rejects while Postgres is away. */
export async function beSilent(
  stores: Stores,
  asked: Pick<HandOver, 'installation' | 'threadId' | 'agent' | 'by' | 'actor'>,
): Promise<Escalation> {
  const { installation, threadId, agent, by, actor } = asked;
  const { tenantId } = installation;
  if (!threadPlaceOf(threadId)) throw new TypeError('not a thread of Slack');
  return escalate(stores, { tenantId, threadId, agentId: agent?.id, by, actor });
}

/**
 * Tells people of what was handed over, each once: a telling that broke off goes on where it was left.
 * `begun`: somebody else tells them, and may break off. Rejects while Postgres or Slack is away.
 */
export async function tellOnce(
  { pool, log, readInTurn }: Stores,
  asked: ToTell,
  escalation: Escalation,
): Promise<'begun' | undefined> {
  const { installation, threadId, agent, userId, said = [], signal } = asked;
  const { tenantId, client } = installation;
  const place = threadPlaceOf(threadId);
  if (!place || !client) return undefined;
  const told = await claimTelling(pool, tenantId, escalation.id);
  if (!told || told === 'begun') return told;
  const note = (whom: string): Promise<void> =>
    noteTold(pool, tenantId, escalation.id, whom).catch((error: unknown) =>
      log.warn({ err: error }, 'who is to take over may be told again'),
    );
  try {
    await tellPeople({
      client,
      place,
      threadId,
      agentName: agent?.name ?? 'the agent',
      people: agent?.escalation?.people ?? [],
      asker: userId?.split(':').at(-1),
      said,
      told,
      note,
      log,
      signal,
      readInTurn: (until, read) =>
        readInTurn ? readInTurn({ tenantId, userId: userId ?? '' }, until, read) : read(),
    });
  } catch (error) {
    await endTelling(pool, tenantId, escalation.id, { isTold: false }).catch(() => undefined);
    throw error;
  }
  await endTelling(pool, tenantId, escalation.id, { isTold: true }).catch((error: unknown) =>
    log.warn({ err: error }, 'who is to take over may be told again'),
  );
  return undefined;
}

/** The agent speaks there again, and says so. Undefined when it was not silent. */
export async function giveBack(
  stores: Stores,
  asked: Pick<HandOver, 'installation' | 'threadId' | 'actor'>,
): Promise<Escalation | undefined> {
  const { installation, threadId, actor } = asked;
  const { tenantId, client } = installation;
  const ended = await handBack(stores, { tenantId, threadId, actor });
  const place = threadPlaceOf(threadId);
  if (ended && place && client) {
    await client.chat
      .postMessage({ channel: place.channel, thread_ts: place.threadTs, text: HANDED_BACK_LINE })
      .catch((error: unknown) => stores.log.warn({ err: error }, 'nobody is told that the agent is back'));
  }
  return ended;
}
