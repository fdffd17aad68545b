import { Router } from 'express';
import type pg from 'pg';
import { ChannelError, type WebhookChannel } from '../../channels/channel.ts';
import { findAgent } from '../../db/agents.ts';
import { findEscalation, listEscalations, type Escalation } from '../../db/escalations.ts';
import { actorOf, tenantOf } from '../admission.ts';
import { notFound, unavailable } from '../problems.ts';
import { ESCALATION, ESCALATIONS } from '../answers-slack.ts';
import { sendJson } from '../answers.ts';
import { pageOf } from '../cursor.ts';
import { escalationBody, pageQuery, userIdParam, validate } from '../schemas.ts';

/**
 * `GET|POST|DELETE /threads/{threadId}/escalation`: a person takes over a thread, and hands it back. The
 * thread is named as its channel names it, with the channel's name before the first colon. And the list of
 * those that are taken over, `GET /escalations`.
 */
export function threadRoutes(dependencies: { pool: pg.Pool; channels: readonly WebhookChannel[] }): Router {
  const { pool, channels } = dependencies;
  const router = Router();
  const handingOver = (threadId: string) => {
    const name = threadId.slice(0, Math.max(0, threadId.indexOf(':')));
    const found = channels.find((channel) => channel.name === name)?.handingOver;
    if (!found) throw notFound('thread');
    return found;
  };

  router.get('/escalations', async (req, res) => {
    const asked = validate(pageQuery, req.query, 'query');
    const { page, nextCursor } = await pageOf(asked, (rows) => listEscalations(pool, tenantOf(res), rows));
    sendJson(res, ESCALATIONS, { escalations: page.map((one) => shown(one)), nextCursor });
  });

  router.get('/threads/:threadId/escalation', async (req, res) => {
    const threadId = validate(userIdParam, req.params.threadId, 'threadId');
    const escalation = await findEscalation(pool, tenantOf(res), threadId);
    if (!escalation) throw notFound('escalation');
    sendJson(res, ESCALATION, shown(escalation));
  });

  router.post('/threads/:threadId/escalation', async (req, res) => {
    const tenantId = tenantOf(res);
    const threadId = validate(userIdParam, req.params.threadId, 'threadId');
    const { agentId } = validate(escalationBody, req.body ?? {}, 'body');
    const agent = agentId === undefined ? undefined : await findAgent(pool, tenantId, agentId);
    if (agentId !== undefined && !agent) throw notFound('agent');
    const asked = { tenantId, threadId, agent, actor: actorOf(res) };
    const escalation = await handingOver(threadId)
      .takeOver(asked)
      .catch((error: unknown) => {
        // Asked for again it goes on where it was left.
        throw error instanceof ChannelError ? unavailable('The channel') : error;
      });
    if (!escalation) throw notFound('thread');
    sendJson(res, ESCALATION, shown(escalation));
  });

  router.delete('/threads/:threadId/escalation', async (req, res) => {
    const threadId = validate(userIdParam, req.params.threadId, 'threadId');
    const asked = { tenantId: tenantOf(res), threadId, actor: actorOf(res) };
    const ended = await handingOver(threadId).giveBack(asked);
    if (!ended) throw notFound('escalation');
    sendJson(res, ESCALATION, shown(ended, 'handed-back'));
  });

  return router;
}

function shown(escalation: Escalation, state: 'escalated' | 'handed-back' = 'escalated') {
  const { threadId, agentId, openedAt, openedBy } = escalation;
  return { threadId, state, agentId, openedAt, openedBy };
}
