import type pg from 'pg';
import {
  DEFAULT_RECALL,
  type Agent,
  type EscalationSettings,
  type LlmSettings,
  type RecallSettings,
} from '../domain/agent.ts';
import { recordAudit, SYSTEM, type AuditActor } from './audit.ts';
import { bytesBefore, HAS_ROOM, type PageAsked } from './page.ts';
import { CREATED_AT, NIL_UUID, type Place } from './place.ts';
import { inTenant } from './tenant-transaction.ts';

type AgentRow = {
  id: string;
  tenant_id: string;
  name: string;
  job_title: string;
  persona: string;
  system_prompt: string;
  model: string | null;
  max_prompt_tokens: number | null;
  settings: {
    recall?: Partial<RecallSettings>;
    liveReplies?: boolean;
    llm?: LlmSettings;
    escalation?: EscalationSettings;
  };
};

const COLUMNS = 'id, tenant_id, name, job_title, persona, system_prompt, model, max_prompt_tokens, settings';

/** The settable fields of an agent. A field left out keeps its value, or takes its default in a new agent. */
export type AgentFields = Partial<Omit<Agent, 'id' | 'tenantId' | 'recall' | 'llm'>> & {
  recall?: Partial<RecallSettings>;
  /** Null gives a bound back to the deployment. */
  llm?: { [Bound in keyof LlmSettings]: LlmSettings[Bound] | null };
};

/** One agent; undefined when the tenant has no agent of this id. */
export async function findAgent(
  pool: pg.Pool,
  tenantId: string,
  agentId: string,
): Promise<Agent | undefined> {
  return inTenant(pool, tenantId, (client) => findAgentWith(client, tenantId, agentId));
}

/** `findAgent` within the caller's transaction. */
export async function findAgentWith(
  client: pg.PoolClient,
  tenantId: string,
  agentId: string,
): Promise<Agent | undefined> {
  const { rows } = await client.query<AgentRow>({
    name: 'find-agent',
    text: `SELECT ${COLUMNS} FROM agents WHERE tenant_id = $1 AND id = $2`,
    values: [tenantId, agentId],
  });
  return rows[0] && toAgent(rows[0]);
}

/** What of an agent can be long. */
const AGENT_BYTES = 'octet_length(persona) + octet_length(system_prompt)';

/** Agents of a tenant, oldest first, each with its place in the list: at most one more than fill a page. */
export async function listAgents(
  pool: pg.Pool,
  tenantId: string,
  page: PageAsked,
): Promise<Array<{ agent: Agent } & Place>> {
  const { rows } = await inTenant(pool, tenantId, (client) =>
    client.query<AgentRow & Place>(
      `SELECT ${COLUMNS}, ${CREATED_AT}
       FROM (SELECT ${COLUMNS}, created_at, ${bytesBefore({ bytes: AGENT_BYTES, order: 'created_at, id' })}
             FROM agents
             WHERE tenant_id = $1 AND (created_at, id) > ($2::timestamptz, $3::uuid)
             ORDER BY created_at, id LIMIT $4) AS oldest
       WHERE ${HAS_ROOM} ORDER BY created_at, id`,
      [tenantId, page.after?.createdAt ?? '-infinity', page.after?.id ?? NIL_UUID, page.limit],
    ),
  );
  return rows.map((row) => ({ agent: toAgent(row), createdAt: row.createdAt, id: row.id }));
}

/** An agent as a list of names has it. */
export type AgentName = { id: string; name: string; createdAt: Date };

/** More agents than this are not listed by name. */
const NAMES_AT_ONCE = 1_000;

/** The names of a tenant's agents, oldest first. */
export async function listAgentNames(pool: pg.Pool, tenantId: string): Promise<AgentName[]> {
  const { rows } = await inTenant(pool, tenantId, (client) =>
    client.query<AgentName>(
      `SELECT id, name, created_at AS "createdAt" FROM agents WHERE tenant_id = $1
       ORDER BY created_at, id LIMIT ${NAMES_AT_ONCE}`,
      [tenantId],
    ),
  );
  return rows;
}

/** The ids of the agents of this very name, two at most. */
export async function findAgentsNamed(pool: pg.Pool, tenantId: string, name: string): Promise<string[]> {
  const { rows } = await inTenant(pool, tenantId, (client) =>
    client.query<{ id: string }>('SELECT id FROM agents WHERE tenant_id = $1 AND name = $2 LIMIT 2', [
      tenantId,
      name,
    ]),
  );
  return rows.map(({ id }) => id);
}

/**
 * Whether a tenant may have one agent more, within the caller's transaction. Until that ends, others who ask
 * for the same tenant wait, so two can't take the last place.
 */
export async function hasRoomForAgent(
  client: pg.PoolClient,
  tenantId: string,
  agentsPerTenant: number,
): Promise<boolean> {
  await client.query(`SELECT pg_advisory_xact_lock(hashtextextended('agents of ' || $1, 0))`, [tenantId]);
  const { rows } = await client.query<{ n: number }>(
    'SELECT count(*)::int AS n FROM agents WHERE tenant_id = $1',
    [tenantId],
  );
  return only(rows).n < agentsPerTenant;
}

/**
 * Creates an agent within the caller's transaction. Rejects with Postgres' unique violation when the id is
 * taken.
 */
export async function createAgent(
  client: pg.PoolClient,
  tenantId: string,
  agentId: string,
  fields: AgentFields & { name: string },
  by: AuditActor = SYSTEM,
): Promise<Agent> {
  const { rows } = await client.query<AgentRow>(
    `INSERT INTO agents (tenant_id, id, name, job_title, persona, system_prompt, model, max_prompt_tokens, settings)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING ${COLUMNS}`,
    [
      tenantId,
      agentId,
      fields.name,
      fields.jobTitle ?? '',
      fields.persona ?? '',
      fields.systemPrompt ?? '',
      fields.model ?? null,
      fields.maxPromptTokens ?? null,
      JSON.stringify({
        ...(fields.recall && { recall: fields.recall }),
        ...(fields.liveReplies !== undefined && { liveReplies: fields.liveReplies }),
        ...(fields.llm && { llm: withoutNulls(fields.llm) }),
        ...(fields.escalation && { escalation: fields.escalation }),
      }),
    ],
  );
  await recordAudit(client, {
    tenantId,
    actor: by,
    action: 'agent.create',
    target: { type: 'agent', id: agentId },
    outcome: 'done',
  });
  return toAgent(only(rows));
}

/** Changes the given fields of an agent and returns it; undefined when the tenant has no agent of this id. */
export async function updateAgent(
  pool: pg.Pool,
  tenantId: string,
  agentId: string,
  fields: AgentFields,
  by: AuditActor = SYSTEM,
): Promise<Agent | undefined> {
  return inTenant(pool, tenantId, async (client) => {
    const { rows } = await client.query<AgentRow>(
      `SELECT ${COLUMNS} FROM agents WHERE tenant_id = $1 AND id = $2 FOR UPDATE`,
      [tenantId, agentId],
    );
    const row = rows[0];
    if (!row) return undefined;
    const old = toAgent(row);
    const updated = await client.query<AgentRow>(
      `UPDATE agents SET name = $3, job_title = $4, persona = $5, system_prompt = $6, model = $7,
              max_prompt_tokens = $8, settings = $9, updated_at = now()
       WHERE tenant_id = $1 AND id = $2 RETURNING ${COLUMNS}`,
      [
        tenantId,
        agentId,
        fields.name ?? old.name,
        fields.jobTitle ?? old.jobTitle,
        fields.persona ?? old.persona,
        fields.systemPrompt ?? old.systemPrompt,
        fields.model === undefined ? old.model : fields.model,
        fields.maxPromptTokens === undefined ? old.maxPromptTokens : fields.maxPromptTokens,
        JSON.stringify({
          ...row.settings,
          recall: { ...row.settings.recall, ...fields.recall },
          liveReplies: fields.liveReplies ?? old.liveReplies,
          ...(fields.llm && { llm: withoutNulls({ ...row.settings.llm, ...fields.llm }) }),
          ...(fields.escalation && { escalation: fields.escalation }),
        }),
      ],
    );
    await recordAudit(client, {
      tenantId,
      actor: by,
      action: 'agent.change',
      target: { type: 'agent', id: agentId },
      outcome: 'done',
    });
    return toAgent(only(updated.rows));
  });
}

/** An agent as these changes would make it; nothing is written. */
export function withChanges(agent: Agent, { recall, llm, ...fields }: AgentFields): Agent {
  return {
    ...agent,
    ...fields,
    recall: { ...agent.recall, ...recall },
    ...(llm && { llm: withoutNulls({ ...agent.llm, ...llm }) }),
  };
}

function only<T>(rows: readonly T[]): T {
  const [row] = rows;
  if (row === undefined) throw new Error('the database did not return the row that was written');
  return row;
}

function toAgent(row: AgentRow): Agent {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    name: row.name,
    jobTitle: row.job_title,
    persona: row.persona,
    systemPrompt: row.system_prompt,
    model: row.model,
    maxPromptTokens: row.max_prompt_tokens,
    recall: { ...DEFAULT_RECALL, ...row.settings.recall },
    liveReplies: row.settings.liveReplies ?? false,
    ...(row.settings.llm && Object.keys(row.settings.llm).length > 0 && { llm: row.settings.llm }),
    ...(row.settings.escalation && { escalation: row.settings.escalation }),
  };
}

function withoutNulls(bounds: NonNullable<AgentFields['llm']>): LlmSettings {
  return Object.fromEntries(Object.entries(bounds).filter(([, bound]) => bound !== null));
}
