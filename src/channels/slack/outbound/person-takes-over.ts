/** Where a person has taken over a turn's thread, and how the agent asks for one. */
import type pg from 'pg';
import type { Logger } from 'pino';
import { SYSTEM } from '../../../db/audit.ts';
import { inTenant } from '../../../db/tenant-transaction.ts';
import type { Agent } from '../../../domain/agent.ts';
import type { DeliveryTurn } from '../../../domain/delivery.ts';
import { findEscalation, type Escalation } from '../../../db/escalations.ts';
import { hasPeople } from '../../../domain/hand-over.ts';
import { POST_RECORD_WITHIN_MS } from '../../../domain/timing.ts';
import { isEscalated } from '../../../intake/escalations.ts';
import { within } from '../../../lib/within.ts';
import type { RedisClient } from '../../../redis/connection.ts';
import { speaking } from '../errors.ts';
import { beSilent, tellOnce, type HandOver } from '../handover/hand-over.ts';
import { ASKING_COUNTS, type PersonalLimit } from '../personal-limit.ts';
import { ChannelError, type Said } from '../../channel.ts';
import type { Place } from './thread-posts.ts';

/** After so long a person may have one more thread handed over. */
const ASK_AGAIN_MS = 60_000;
/** Who tells people ends soon, breaks off, or has died over it, which shows after a minute. */
const TELL_AGAIN_MS = 5_000;

export function personTakesOver(
  stores: { pool: pg.Pool; redis: RedisClient; log: Logger; mayAsk: PersonalLimit },
  turn: DeliveryTurn,
  findPlace: () => Promise<Place>,
) {
  const { tenantId, threadId, userId } = turn;
  /** Rejects while somebody else is at it, who may break off or have died over it. */
  const tellAll = async (asked: Parameters<typeof tellOnce>[1], escalation: Escalation): Promise<void> => {
    if ((await tellOnce(stores, asked, escalation)) !== 'begun') return;
    const retryAfterMs = TELL_AGAIN_MS;
    throw new ChannelError('rate-limited', 'somebody else has begun to tell them', { retryAfterMs });
  };
  return {
    isSilent: () => isEscalated(stores, turn),
    async isTakenOver(): Promise<boolean> {
      if (!(await isEscalated(stores, turn))) return false;
      const asked = within(POST_RECORD_WITHIN_MS, findEscalation(stores.pool, tenantId, threadId));
      const escalation = await asked.catch(() => undefined);
      return escalation !== undefined && escalation.openedBy !== 'agent';
    },
    askForPerson: ({ agent: given, said }: { agent?: Agent; said: readonly Said[] }): Promise<void> =>
      speaking(async () => {
        const { client } = await findPlace();
        const isOpen = (await findEscalation(stores.pool, tenantId, threadId)) !== undefined;
        if (!isOpen && !(await stores.mayAsk(tenantId, userId, ASKING_COUNTS))) {
          const retryAfterMs = ASK_AGAIN_MS;
          throw new ChannelError('rate-limited', 'a person is asked for too often', { retryAfterMs });
        }
        const installation = { tenantId, client };
        const agent = given ?? (await speakerOf(stores.pool, turn));
        // Nobody is named any more who could come.
        if (!hasPeople(agent)) return;
        const asked = { installation, threadId, agent, userId, said, by: 'agent', actor: SYSTEM } as const;
        await tellAll(asked, await beSilent(stores, asked));
      }),
    tellIfUntold: (): Promise<void> =>
      speaking(async () => {
        const escalation = await findEscalation(stores.pool, tenantId, threadId);
        if (!escalation) return;
        const { client } = await findPlace();
        const agent = await speakerOf(stores.pool, turn);
        const asked = { installation: { tenantId, client }, threadId, agent, userId };
        await tellAll(asked, escalation);
      }),
  };
}

/** The agent of a turn, as far as a worker may read it. */
async function speakerOf(
  pool: pg.Pool,
  { tenantId, agentId }: Pick<DeliveryTurn, 'tenantId' | 'agentId'>,
): Promise<HandOver['agent']> {
  const { rows } = await inTenant(pool, tenantId, (client) =>
    client.query<{ id: string; name: string; people: string[] | null }>(
      `SELECT id, name, settings #> '{escalation,people}' AS people FROM agents WHERE tenant_id = $1 AND id = $2`,
      [tenantId, agentId],
    ),
  );
  return rows[0] && { id: rows[0].id, name: rows[0].name, escalation: { people: rows[0].people ?? [] } };
}
