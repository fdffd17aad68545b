import { Router } from 'express';
import { withChanges } from '../../db/agents.ts';
import { NIL_UUID } from '../../db/place.ts';
import { buildPrompt, promptRoom, withBudget } from '../../domain/prompt.ts';
import { estimateTokens } from '../../domain/tokens.ts';
import type { TurnLimits } from '../../domain/turn.ts';
import type { Gather } from '../../memory/recall/gather.ts';
import { tenantOf } from '../admission.ts';
import { FOUND_MEMORIES, PREVIEW } from '../answers-console.ts';
import { sendJson } from '../answers.ts';
import { searchMemoryOf, type MemorySearcher } from '../look-up.ts';
import { knownAgent } from '../memory-page.ts';
import { previewBody, searchBody, userIdParam, validate } from '../schemas.ts';
import { withoutUndefined } from '../without-undefined.ts';

/** It comes after every message that there is. */
const AFTER_ALL = { seq: Number.MAX_SAFE_INTEGER, turnsAhead: 1 };

/**
 * `POST /agents/{agentId}/users/{userId}/memory/search`: what an agent remembers of a user, by meaning and by
 * words. `POST /agents/{agentId}/preview`: the prompt that a message would make. Both change nothing; what is
 * looked for stands in a body, since a path is written down by proxies.
 */
export function lookUpRoutes(
  dependencies: MemorySearcher & { limits: Pick<TurnLimits, 'maxPromptTokens'>; gather: Gather },
): Router {
  const { pool, limits, gather } = dependencies;
  const router = Router();

  router.post('/agents/:agentId/users/:userId/memory/search', async (req, res) => {
    const userId = validate(userIdParam, req.params.userId, 'userId');
    const asked = validate(searchBody, req.body, 'body');
    const scope = { tenantId: tenantOf(res), agentId: req.params.agentId, userId };
    sendJson(res, FOUND_MEMORIES, {
      memories: await searchMemoryOf(dependencies, { ...scope, ...asked }, res),
    });
  });

  router.post('/agents/:agentId/preview', async (req, res) => {
    const { userId, text, agent: changes = {} } = validate(previewBody, req.body, 'body');
    const scope = { tenantId: tenantOf(res), agentId: req.params.agentId };
    const agent = withBudget(withChanges(await knownAgent(pool, scope), withoutUndefined(changes)), limits);
    const { tenantId, id: agentId, name, recall } = agent;
    const context = await gather({
      message: {
        ...{
          tenantId,
          agentId,
          userId,
          text,
          messageId: NIL_UUID,
          channel: { name: 'http' },
          ...AFTER_ALL,
        },
        receivedAt: new Date().toISOString(),
      },
      recall,
      agentName: name,
      roomTokens: promptRoom(agent, text),
    });
    const { window, recalled, receipt = null, missing, droppedFromWindow = 0 } = context;
    const prompt = buildPrompt(agent, text, window, recalled);
    sendJson(res, PREVIEW, {
      prompt: prompt.messages,
      estimatedTokens: prompt.messages.reduce((sum, { content }) => sum + estimateTokens(content), 0),
      windowSize: window.length + droppedFromWindow,
      droppedFromWindow: droppedFromWindow + prompt.droppedFromWindow,
      recalled,
      receipt,
      missing,
    });
  });

  return router;
}
