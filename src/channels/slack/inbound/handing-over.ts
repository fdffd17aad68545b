import type pg from 'pg';
import type { Logger } from 'pino';
import { findAgent } from '../../../db/agents.ts';
import type { FairPlaces } from '../../../lib/fair-places.ts';
import type { RedisClient } from '../../../redis/connection.ts';
import type { HandingOver } from '../../channel.ts';
import { speaking } from '../errors.ts';
import { giveBack, handOver } from '../handover/hand-over.ts';
import { threadPlaceOf } from '../handover/thread-id.ts';
import type { FindAgent, FindOwn } from './installations.ts';

/** How an application, by its tenant's key, lets a person take over a thread. */
export function createHandingOver(dependencies: {
  pool: pg.Pool;
  redis: RedisClient;
  log: Logger;
  findOwn: FindOwn;
  findAgentOf: FindAgent;
  readInTurn: FairPlaces;
}): HandingOver {
  const { pool, findOwn, findAgentOf } = dependencies;
  return {
    async takeOver({ tenantId, threadId, agent: given, actor }) {
      const place = threadPlaceOf(threadId);
      if (!place) return undefined;
      const installation = await findOwn(tenantId, place.team);
      const itsOwn = async () =>
        installation && findAgent(pool, tenantId, await findAgentOf(installation, place.channel));
      const agent = given ?? (await itsOwn());
      const speaker = { tenantId, client: installation?.client };
      const asked = { installation: speaker, threadId, agent, userId: undefined, by: 'api', actor } as const;
      return speaking(() => handOver(dependencies, asked));
    },
    async giveBack({ tenantId, threadId, actor }) {
      const place = threadPlaceOf(threadId);
      const installation = place && (await findOwn(tenantId, place.team));
      const speaker = { tenantId, client: installation?.client };
      return giveBack(dependencies, { installation: speaker, threadId, actor });
    },
  };
}
