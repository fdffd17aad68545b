import { Router } from 'express';
import type pg from 'pg';
import { v4 as randomUuid } from 'uuid';
import { createAgent, findAgent, listAgents, updateAgent, type AgentFields } from '../../db/agents.ts';
import { inTenant } from '../../db/tenant-transaction.ts';
import { tenantOf } from '../auth.ts';
import { notFound } from '../problems.ts';
import { withoutUndefined } from '../without-undefined.ts';
import { agentChangesBody, newAgentBody, validate } from '../schemas.ts';
import { isUuid } from '../uuid.ts';

/** `GET|POST /agents`, `GET|PATCH /agents/{agentId}`. */
export function agentRoutes({ pool }: { pool: pg.Pool }): Router {
  const router = Router();

  router.get('/agents', async (_req, res) => {
    res.json({ agents: await listAgents(pool, tenantOf(res)) });
  });

  router.post('/agents', async (req, res) => {
    const tenantId = tenantOf(res);
    const fields = withoutUndefined(validate(newAgentBody, req.body, 'body'));
    const agent = await inTenant(pool, tenantId, (client) =>
      createAgent(client, tenantId, randomUuid(), fields),
    );
    res.status(201).set('Location', `/v1/agents/${agent.id}`).json(agent);
  });

  router.get('/agents/:agentId', async (req, res) => {
    const { agentId } = req.params;
    const agent = isUuid(agentId) ? await findAgent(pool, tenantOf(res), agentId) : undefined;
    if (!agent) throw notFound('agent');
    res.json(agent);
  });

  router.patch('/agents/:agentId', async (req, res) => {
    const { agentId } = req.params;
    const changes: AgentFields = withoutUndefined(validate(agentChangesBody, req.body, 'body'));
    const agent = isUuid(agentId) ? await updateAgent(pool, tenantOf(res), agentId, changes) : undefined;
    if (!agent) throw notFound('agent');
    res.json(agent);
  });

  return router;
}
