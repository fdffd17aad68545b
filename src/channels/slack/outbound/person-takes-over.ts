/** Where a person has taken over a turn's thread, and how the agent asks for one. */
import type pg from 'pg';
import type { Logger } from 'pino';
import { SYSTEM } from '../../../db/audit.ts';
import type { Agent } from '../../../domain/agent.ts';
import type { DeliveryTurn } from '../../../domain/delivery.ts';
import { isEscalated } from '../../../intake/escalations.ts';
import type { RedisClient } from '../../../redis/connection.ts';
import { handOver } from '../handover/hand-over.ts';
import type { Place } from './thread-posts.ts';

export function personTakesOver(
  stores: { pool: pg.Pool; redis: RedisClient; log: Logger },
  turn: DeliveryTurn,
  findPlace: () => Promise<Place>,
) {
  const { tenantId, threadId, userId } = turn;
  return {
    isSilent: () => isEscalated(stores, turn),
    async askForPerson(agent: Agent): Promise<void> {
      const { client } = await findPlace();
      const installation = { tenantId, client };
      await handOver(stores, { installation, threadId, agent, userId, by: 'agent', actor: SYSTEM });
    },
  };
}
