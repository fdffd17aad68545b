import express, { Router } from 'express';
import { MAX_MESSAGE_BODY_BYTES } from '../../intake/fields.ts';
import { isWithin } from '../../lib/json-size.ts';
import { requireTenant, presentedKey } from '../auth.ts';
import type { ToolDependencies } from '../mcp/tools.ts';
import { badField } from '../problems.ts';

/** No tool takes more. */
const MOST_OF_A_CALL = { values: 500, nameLength: 200 };

/**
 * `POST /mcp`: a Model Context Protocol server over Streamable HTTP, without sessions. So any process can
 * answer any request, and each request is for its own key alone.
 */
export function mcpRoutes(dependencies: ToolDependencies): Router {
  const router = Router();
  router.use(requireTenant(dependencies.pool));
  router.post('/', express.json({ limit: MAX_MESSAGE_BODY_BYTES, strict: false }), async (req, res) => {
    if (!isWithin(req.body, MOST_OF_A_CALL)) {
      throw badField({ field: 'body', problem: 'holds too many values', isTooLarge: true });
    }
    // Many calls in one request would take the places of one.
    if (Array.isArray(req.body)) {
      throw badField({ field: 'body', problem: 'must be one message, not a batch', isTooLarge: false });
    }
    // Loaded when it is first asked for: it takes a process 40 MB and 0.2 s.
    const { answerMcp } = await import('../mcp/server.ts');
    await answerMcp(dependencies, { key: presentedKey(res), res }, req);
  });
  return router;
}
