import { Router } from 'express';
import type pg from 'pg';
import { z } from 'zod';
import type { WebhookChannel } from '../../channels/channel.ts';
import { findAgent } from '../../db/agents.ts';
import { findEscalation, type Escalation } from '../../db/escalations.ts';
import { idField } from '../../intake/fields.ts';
import { actorOf, tenantOf } from '../admission.ts';
import { notFound } from '../problems.ts';
import { escalationBody, validate } from '../schemas.ts';

const threadParam = z.object({ threadId: idField });

/**
 * `GET|POST|DELETE /threads/{threadId}/escalation`: a person takes over a thread, and hands it back. The
 * thread is named as its channel names it, with the channel's name before the first colon.
 */
export function threadRoutes(dependencies: {
  pool: pg.Pool;
  channels: readonly WebhookChannel[];
}): Router {
  const { pool, channels } = dependencies;
  const router = Router();
  const handingOver = (threadId: string) => {
    const name = threadId.slice(0, Math.max(0, threadId.indexOf(':')));
    const found = channels.find((channel) => channel.name === name)?.handingOver;
    if (!found) throw notFound('thread');
    return found;
  };

  router.get('/threads/:threadId/escalation', async (req, res) => {
    const { threadId } = validate(threadParam, req.params, 'threadId');
    const escalation = await findEscalation(pool, tenantOf(res), threadId);
    if (!escalation) throw notFound('escalation');
    res.json(shown(escalation));
  });

  router.post('/threads/:threadId/escalation', async (req, res) => {
    const tenantId = tenantOf(res);
    const { threadId } = validate(threadParam, req.params, 'threadId');
    const { agentId } = validate(escalationBody, req.body ?? {}, 'body');
    const agent = agentId === undefined ? undefined : await findAgent(pool, tenantId, agentId);
    if (agentId !== undefined && !agent) throw notFound('agent');
    const asked = { tenantId, threadId, agent, actor: actorOf(res) };
    const escalation = await handingOver(threadId).takeOver(asked);
    if (!escalation) throw notFound('thread');
    res.json(shown(escalation));
  });

  router.delete('/threads/:threadId/escalation', async (req, res) => {
    const { threadId } = validate(threadParam, req.params, 'threadId');
    const asked = { tenantId: tenantOf(res), threadId, actor: actorOf(res) };
    const ended = await handingOver(threadId).giveBack(asked);
    if (!ended) throw notFound('escalation');
    res.json(shown(ended));
  });

  return router;
}

function shown({ threadId, agentId, openedAt, openedBy, endedAt }: Escalation) {
  const state = endedAt === null ? 'escalated' : 'handed-back';
  return { threadId, state, agentId, openedAt, openedBy, endedAt };
}
