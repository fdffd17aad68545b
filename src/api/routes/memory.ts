import { Router } from 'express';
import type { RedisClient } from '../../redis/connection.ts';
import type pg from 'pg';
import { findAgent } from '../../db/agents.ts';
import { PAGE_BYTES, upToFull } from '../../db/page.ts';
import { listMemories } from '../../memory/long-term/memories.ts';
import { getNewest } from '../../memory/window/window.ts';
import { tenantOf } from '../admission.ts';
import { MEMORY, sendJson } from '../answers.ts';
import { pageOf } from '../cursor.ts';
import { notFound, unavailable } from '../problems.ts';
import { pageQuery, userIdParam, validate } from '../schemas.ts';
import { toUuid } from '../uuid.ts';

/**
 * `GET /agents/{agentId}/users/{userId}/memory`: what an agent remembers of a user, newest memories first,
 * paged.
 */
export function memoryRoutes({ pool, redis }: { pool: pg.Pool; redis: RedisClient }): Router {
  const router = Router();

  router.get('/agents/:agentId/users/:userId/memory', async (req, res) => {
    const tenantId = tenantOf(res);
    const agentId = toUuid(req.params.agentId);
    const userId = validate(userIdParam, req.params.userId, 'userId');
    const asked = validate(pageQuery, req.query, 'query');
    if (!agentId || !(await findAgent(pool, tenantId, agentId))) throw notFound('agent');

    const scope = { tenantId, agentId, userId };
    const [window, { page, nextCursor }] = await Promise.all([
      getNewest(redis, scope, 2 * PAGE_BYTES).catch(() => {
        throw unavailable('Redis');
      }),
      pageOf(asked, (rows) => listMemories(pool, scope, rows)),
    ]);
    // The newest of the window, as many as fill a page.
    const newest = upToFull(window.toReversed()).toReversed();
    sendJson(res, MEMORY, { window: newest, memories: page, nextCursor });
  });

  return router;
}
