import type pg from 'pg';
import { inTenant } from '../../src/db/tenant-transaction.ts';
import type { InboundMessage } from '../../src/domain/conversation.ts';

/**
 * Gives a message that did not come in by intake its row in the ledger: without one nothing of it is stored.
 * It is the next of its scope, and no start of it is awaited. There need be no such agent.
 */
export async function enterRow(
  pool: pg.Pool,
  { tenantId, agentId, userId, messageId }: InboundMessage,
): Promise<void> {
  await inTenant(pool, tenantId, (client) =>
    client.query(
      `WITH next AS (
         INSERT INTO scopes (tenant_id, agent_id, user_id, last_seq)
         SELECT tenant_id, id, $4, 1 FROM agents WHERE tenant_id = $1 AND id = $3
         ON CONFLICT (tenant_id, agent_id, user_id) DO UPDATE SET last_seq = scopes.last_seq + 1
         RETURNING last_seq
       ), told AS (
         SELECT count(*) + 1 AS seq FROM turns WHERE tenant_id = $1 AND agent_id = $3 AND user_id = $4
       )
       INSERT INTO turns
         (tenant_id, message_id, agent_id, user_id, seq, dedupe_key, body_hash, workflow_id, offered_at)
       SELECT $1, $2, $3, $4, coalesce(last_seq, seq), $5, '', $5, now() - interval '1 day'
       FROM told LEFT JOIN next ON true`,
      [tenantId, messageId, agentId, userId, `told:${messageId}`],
    ),
  );
}
