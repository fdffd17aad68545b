import { Router } from 'express';
import type { WebhookChannel } from '../../channels/channel.ts';
import { withChanges } from '../../db/agents.ts';
import { NIL_UUID } from '../../db/place.ts';
import { withoutPeople } from '../../domain/hand-over.ts';
import { buildPrompt, promptRoom, withBudget } from '../../domain/prompt.ts';
import { estimateTokens } from '../../domain/tokens.ts';
import type { TurnLimits } from '../../domain/turn.ts';
import type { PreviewGather } from '../../memory/recall/preview-gather.ts';
import { tenantOf } from '../admission.ts';
import { FOUND_MEMORIES, PREVIEW } from '../answers-console.ts';
import { sendJson } from '../answers.ts';
import { lookUpFor, searchMemoryOf, type MemorySearcher } from '../look-up.ts';
import { knownAgent } from '../memory-page.ts';
import { previewBody, searchBody, userIdParam, validate } from '../schemas.ts';
import { channelOfUser } from '../user-channel.ts';
import { withoutUndefined } from '../without-undefined.ts';

/** It comes after every message that there is. */
const AFTER_ALL = { seq: Number.MAX_SAFE_INTEGER, turnsAhead: 1 };

/**
 * `POST /agents/{agentId}/users/{userId}/memory/search`: what an agent remembers of a user, by meaning and by
 * words. `POST /agents/{agentId}/preview`: the prompt that a message would make, outside of any thread with
 * others. Both change nothing; what is looked for stands in a body, since a path is written down by proxies.
 */
export function lookUpRoutes(
  dependencies: MemorySearcher & {
    limits: Pick<TurnLimits, 'maxPromptTokens'>;
    gather: PreviewGather;
    channels: ReadonlyArray<Pick<WebhookChannel, 'name' | 'nameOf'>>;
    /** Of all channels, also those that this process doesn't serve. */
    channelNames: readonly string[];
  },
): Router {
  const { pool, limits, gather, channels, channelNames, closing } = dependencies;
  const router = Router();

  router.post('/agents/:agentId/users/:userId/memory/search', async (req, res) => {
    const userId = validate(userIdParam, req.params.userId, 'userId');
    const asked = validate(searchBody, req.body, 'body');
    const scope = { tenantId: tenantOf(res), agentId: req.params.agentId, userId };
    sendJson(res, FOUND_MEMORIES, await searchMemoryOf(dependencies, { ...scope, ...asked }, res));
  });

  router.post('/agents/:agentId/preview', async (req, res) => {
    const { userId, text, agent: changes = {} } = validate(previewBody, req.body, 'body');
    const scope = { tenantId: tenantOf(res), agentId: req.params.agentId };
    const channel = channelOfUser(userId, channelNames);
    const changed = withChanges(await knownAgent(pool, scope), withoutUndefined(changes));
    const agent = withBudget(channel === 'http' ? withoutPeople(changed) : changed, limits);
    const { tenantId, id: agentId, name, recall } = agent;
    const nameOf = channels.find((known) => known.name === channel)?.nameOf;
    const userName = await nameOf?.({ tenantId, userId });
    const message = {
      ...{ tenantId, agentId, userId, text, ...(userName !== undefined && { userName }) },
      ...{ messageId: NIL_UUID, channel: { name: channel }, ...AFTER_ALL },
      receivedAt: new Date().toISOString(),
    };
    const input = { message, recall, agentName: name, roomTokens: promptRoom(agent, text) };
    const context = await lookUpFor(res, closing, 'The preview', (signal) => gather(input, signal));
    const { window, recalled, receipt = null, missing, droppedFromWindow = 0 } = context;
    const prompt = buildPrompt(agent, text, window, recalled, userName);
    sendJson(res, PREVIEW, {
      channel,
      userName: userName ?? null,
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
