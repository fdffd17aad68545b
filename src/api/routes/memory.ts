import { Router } from 'express';
import { exchangesOfTurns } from '../../db/turn-list.ts';
import { tenantOf } from '../admission.ts';
import { MEMORY, sendJson } from '../answers.ts';
import { memoryOf, type MemoryReader } from '../memory-page.ts';
import { pageQuery, userIdParam, validate } from '../schemas.ts';
import { channelOfUser } from '../user-channel.ts';

/**
 * `GET /agents/{agentId}/users/{userId}/memory`: what an agent remembers of a user, newest memories first,
 * paged.
 */
export function memoryRoutes(reader: MemoryReader & { channelNames: readonly string[] }): Router {
  const { pool, channelNames } = reader;
  const router = Router();

  router.get('/agents/:agentId/users/:userId/memory', async (req, res) => {
    const tenantId = tenantOf(res);
    const userId = validate(userIdParam, req.params.userId, 'userId');
    const asked = validate(pageQuery, req.query, 'query');
    const page = await memoryOf(reader, { tenantId, agentId: req.params.agentId, userId }, asked);
    const exchangeIds = new Set(page.memories.map(({ exchangeId }) => exchangeId));
    const said = await exchangesOfTurns(pool, tenantId, [...exchangeIds]);
    const channel = channelOfUser(userId, channelNames);
    sendJson(res, MEMORY, {
      ...page,
      memories: page.memories.map((memory) => ({
        ...memory,
        channel: said.has(memory.exchangeId) ? channel : null,
      })),
    });
  });

  return router;
}
