import { Router } from 'express';
import type { RedisClient } from '../../redis/connection.ts';
import type pg from 'pg';
import { findAgent } from '../../db/agents.ts';
import { listMemories, type StoredMemory } from '../../memory/long-term/memories.ts';
import { getRecentMessages } from '../../memory/window/window.ts';
import { tenantOf } from '../auth.ts';
import { badField, notFound, unavailable } from '../problems.ts';
import { pageQuery, userIdParam, validate } from '../schemas.ts';
import { isUuid } from '../uuid.ts';

/**
 * `GET /agents/{agentId}/users/{userId}/memory`: what an agent remembers of a user, newest memories first,
 * paged.
 */
export function memoryRoutes({ pool, redis }: { pool: pg.Pool; redis: RedisClient }): Router {
  const router = Router();

  router.get('/agents/:agentId/users/:userId/memory', async (req, res) => {
    const tenantId = tenantOf(res);
    const { agentId } = req.params;
    const userId = validate(userIdParam, req.params.userId, 'userId');
    const { limit, cursor } = validate(pageQuery, req.query, 'query');
    if (!isUuid(agentId) || !(await findAgent(pool, tenantId, agentId))) throw notFound('agent');

    const after = cursor === undefined ? undefined : decodeCursor(cursor);
    const scope = { tenantId, agentId, userId };
    const [window, memories] = await Promise.all([
      getRecentMessages(redis, tenantId, agentId, userId).catch(() => {
        throw unavailable('Redis');
      }),
      listMemories(pool, scope, { limit: limit + 1, ...(after && { after }) }),
    ]);
    const page = memories.slice(0, limit);
    const last = page.at(-1);
    const nextCursor = memories.length > limit && last ? encodeCursor(last) : null;
    res.json({ window, memories: page, nextCursor });
  });

  return router;
}

function encodeCursor({ createdAt, id }: StoredMemory): string {
  return Buffer.from(`${createdAt} ${id}`).toString('base64url');
}

function decodeCursor(cursor: string): { createdAt: string; id: string } {
  const [createdAt = '', id = ''] = Buffer.from(cursor, 'base64url').toString('utf8').split(' ');
  if (
    !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/.test(createdAt) ||
    !isUuid(id) ||
    Number.isNaN(Date.parse(createdAt))
  ) {
    throw badField({
      field: 'cursor',
      problem: 'must be the nextCursor of the page before',
      isTooLarge: false,
    });
  }
  return { createdAt, id };
}
