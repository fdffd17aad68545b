/** Which agent speaks in a channel, where it is another than the workspace's own. */
import type pg from 'pg';
import { recordAudit, type AuditActor } from '../../../db/audit.ts';
import type { PageAsked } from '../../../db/page.ts';
import { behind, CREATED_AT, type Place } from '../../../db/place.ts';
import { inTenant } from '../../../db/tenant-transaction.ts';

type Asked = { tenantId: string; agentId: string; channelId: string; actor: AuditActor };

/** From now on this agent speaks there. False when the tenant has no such agent. */
export async function giveChannel(
  pool: pg.Pool,
  { tenantId, agentId, channelId, actor }: Asked,
): Promise<boolean> {
  return inTenant(pool, tenantId, async (client) => {
    const { rowCount } = await client.query(
      `INSERT INTO slack_channels (tenant_id, channel_id, agent_id)
       SELECT tenant_id, $3, id FROM agents WHERE tenant_id = $1 AND id = $2
       ON CONFLICT (tenant_id, channel_id) DO UPDATE SET agent_id = excluded.agent_id, updated_at = now()`,
      [tenantId, agentId, channelId],
    );
    if (rowCount !== 1) return false;
    await record(client, 'slack-channel.give', { tenantId, agentId, channelId, actor });
    return true;
  });
}

/** The workspace's own agent speaks there again. False when this one did not. */
export async function takeChannel(
  pool: pg.Pool,
  { tenantId, agentId, channelId, actor }: Asked,
): Promise<boolean> {
  return inTenant(pool, tenantId, async (client) => {
    const { rowCount } = await client.query(
      'DELETE FROM slack_channels WHERE tenant_id = $1 AND agent_id = $2 AND channel_id = $3',
      [tenantId, agentId, channelId],
    );
    if (rowCount !== 1) return false;
    await record(client, 'slack-channel.take', { tenantId, agentId, channelId, actor });
    return true;
  });
}

async function record(
  client: pg.PoolClient,
  action: 'slack-channel.give' | 'slack-channel.take',
  { tenantId, agentId, channelId, actor }: Asked,
): Promise<void> {
  const target = { type: 'slack-channel', id: `${agentId}/${channelId}` };
  await recordAudit(client, { tenantId, actor, action, target, outcome: 'done' });
}

/** The agent that was given a channel; undefined when none was. */
export async function agentOfChannel(
  pool: pg.Pool,
  tenantId: string,
  channelId: string,
): Promise<{ id: string; name: string } | undefined> {
  const { rows } = await inTenant(pool, tenantId, (client) =>
    client.query<{ id: string; name: string }>({
      name: 'agent of slack channel',
      text: `SELECT a.id, a.name FROM slack_channels c JOIN agents a ON a.tenant_id = c.tenant_id AND a.id = c.agent_id
             WHERE c.tenant_id = $1 AND c.channel_id = $2`,
      values: [tenantId, channelId],
    }),
  );
  return rows[0];
}

/** A tenant's channels that an agent was given, the last one first; `id` is Slack's of the channel. */
export async function listChannels(
  pool: pg.Pool,
  tenantId: string,
  { limit, after }: PageAsked,
): Promise<Array<Place & { agentId: string }>> {
  const { rows } = await inTenant(pool, tenantId, (client) =>
    client.query<Place & { agentId: string }>(
      `SELECT id, agent_id AS "agentId", ${CREATED_AT}
       FROM (SELECT channel_id AS id, agent_id, updated_at AS created_at FROM slack_channels
             WHERE tenant_id = $1 AND (updated_at, channel_id) < ($2::timestamptz, $3)
             ORDER BY updated_at DESC, channel_id DESC LIMIT $4) AS newest
       ORDER BY created_at DESC, id DESC`,
      [tenantId, ...behind(after, ''), limit],
    ),
  );
  return rows;
}
