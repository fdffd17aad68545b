import { Router } from 'express';
import type pg from 'pg';
import { v4 as randomUuid } from 'uuid';
import {
  createAgent,
  findAgent,
  hasRoomForAgent,
  listAgents,
  updateAgent,
  type AgentFields,
} from '../../db/agents.ts';
import { inTenant } from '../../db/tenant-transaction.ts';
import { actorOf, tenantOf } from '../admission.ts';
import { AGENT, AGENTS, sendJson } from '../answers.ts';
import { pageOf } from '../cursor.ts';
import { badField, notFound, Problem } from '../problems.ts';
import { withoutUndefined } from '../without-undefined.ts';
import { agentChangesBody, newAgentBody, pageQuery, validate } from '../schemas.ts';
import { toUuid } from '../uuid.ts';

/** `GET|POST /agents`, `GET|PATCH /agents/{agentId}`. */
export function agentRoutes(dependencies: {
  pool: pg.Pool;
  /** Those that an agent may name. */
  models: readonly string[];
  agentsPerTenant: number;
}): Router {
  const { pool, models, agentsPerTenant } = dependencies;
  const router = Router();

  /** The model is asked with the operator's key, so the operator says which. */
  const checkModel = ({ model }: AgentFields): void => {
    if (model === undefined || model === null || models.includes(model)) return;
    const offered = models.length > 0 ? `one of ${models.join(', ')}, or null` : 'null';
    const problem = `must be ${offered}: the operator sets the models to choose from in LLM_MODELS`;
    throw badField({ field: 'model', problem, isTooLarge: false });
  };

  router.get('/agents', async (req, res) => {
    const asked = validate(pageQuery, req.query, 'query');
    const { page, nextCursor } = await pageOf(asked, (rows) => listAgents(pool, tenantOf(res), rows));
    sendJson(res, AGENTS, { agents: page.map(({ agent }) => agent), nextCursor });
  });

  router.post('/agents', async (req, res) => {
    const tenantId = tenantOf(res);
    const fields = withoutUndefined(validate(newAgentBody, req.body, 'body'));
    checkModel(fields);
    const agent = await inTenant(pool, tenantId, async (client) => {
      if (await hasRoomForAgent(client, tenantId, agentsPerTenant)) {
        return createAgent(client, tenantId, randomUuid(), fields, actorOf(res));
      }
      throw new Problem(
        409,
        'Too many agents',
        `A tenant may have ${agentsPerTenant} agents: change one of them, or let the operator raise KONSTRUCT_AGENTS_PER_TENANT.`,
      );
    });
    sendJson(res.status(201).set('Location', `/v1/agents/${agent.id}`), AGENT, agent);
  });

  router.get('/agents/:agentId', async (req, res) => {
    const agentId = toUuid(req.params.agentId);
    const agent = agentId && (await findAgent(pool, tenantOf(res), agentId));
    if (!agent) throw notFound('agent');
    sendJson(res, AGENT, agent);
  });

  router.patch('/agents/:agentId', async (req, res) => {
    const agentId = toUuid(req.params.agentId);
    const changes: AgentFields = withoutUndefined(validate(agentChangesBody, req.body, 'body'));
    checkModel(changes);
    const agent = agentId && (await updateAgent(pool, tenantOf(res), agentId, changes, actorOf(res)));
    if (!agent) throw notFound('agent');
    sendJson(res, AGENT, agent);
  });

  return router;
}
