import { Router } from 'express';
import { z } from 'zod';
import { check, MAX_MESSAGE_BODY_BYTES } from '../../intake/fields.ts';
import type { Admission } from '../admission.ts';
import { requireTenant, presentedKey, type Doors } from '../auth.ts';
import { neededOf, MAX_ID_LENGTH, type Asked } from '../mcp/needed.ts';
import type { ToolDependencies } from '../mcp/tools.ts';
import { badField } from '../problems.ts';
import type { ReadJson } from '../read-json.ts';

/**
 * `POST /mcp`: a Model Context Protocol server over Streamable HTTP, without sessions. So any process can
 * answer any request, and each request is for its own key alone. Each counts as a read, before its body is
 * read, and comes in as one: the protocol has calls of its own, and a call of a tool may be refused.
 */
export function mcpRoutes(
  dependencies: ToolDependencies & Admission & Pick<Doors, 'findKey' | 'takePlace'> & { readJson: ReadJson },
): Router {
  const { countRead, paceRead, readJson } = dependencies;
  const router = Router();
  router.use(requireTenant(dependencies));
  router.use(async (_req, res, next) => {
    await countRead(presentedKey(res));
    next();
  });
  router.post('/', readJson(MAX_MESSAGE_BODY_BYTES), async (req, res) => {
    const asked = readMessage(req.body);
    await paceRead(presentedKey(res));
    // Loaded when it is first asked for: it takes a process 40 MB and 0.2 s.
    const { answerMcp } = await import('../mcp/server.ts');
    await answerMcp(dependencies, { key: presentedKey(res), res }, { req, asked });
  });
  return router;
}

/** What a message of the protocol asks for. Apart from who waits, whose every variable is kept meanwhile. */
function readMessage(body: unknown): Asked {
  // Many calls in one request would take the places of one.
  if (Array.isArray(body))
    throw badField({ field: 'body', problem: 'must be one message, not a batch', isTooLarge: false });
  const checked = check(z.unknown(), body, 'body');
  if (checked.kind === 'invalid') throw badField(checked);
  const asked = neededOf(checked.value);
  if (asked === undefined)
    throw badField({ field: 'id', problem: `must be at most ${MAX_ID_LENGTH} characters`, isTooLarge: true });
  return asked;
}
