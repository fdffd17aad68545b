import { Router } from 'express';
import { tenantOf } from '../admission.ts';
import { MEMORY, sendJson } from '../answers.ts';
import { memoryOf, type MemoryReader } from '../memory-page.ts';
import { pageQuery, userIdParam, validate } from '../schemas.ts';

/**
 * `GET /agents/{agentId}/users/{userId}/memory`: what an agent remembers of a user, newest memories first,
 * paged.
 */
export function memoryRoutes(reader: MemoryReader): Router {
  const router = Router();

  router.get('/agents/:agentId/users/:userId/memory', async (req, res) => {
    const userId = validate(userIdParam, req.params.userId, 'userId');
    const asked = validate(pageQuery, req.query, 'query');
    const page = await memoryOf(
      reader,
      { tenantId: tenantOf(res), agentId: req.params.agentId, userId },
      asked,
    );
    sendJson(res, MEMORY, page);
  });

  return router;
}
