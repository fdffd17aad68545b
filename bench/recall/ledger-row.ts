import { randomInt } from 'node:crypto';
import type pg from 'pg';
import { inTenant } from '../../src/db/tenant-transaction.ts';
import type { InboundMessage } from '../../src/domain/conversation.ts';

const MANY = 2 ** 40;

/**
 * Gives a message that did not come in by intake its row in the ledger: without one nothing of it is stored.
 * Its number there is below those of real turns.
 */
export async function enterRow(
  pool: pg.Pool,
  { tenantId, agentId, userId, messageId }: InboundMessage,
): Promise<void> {
  await inTenant(pool, tenantId, (client) =>
    client.query(
      `INSERT INTO turns (tenant_id, message_id, agent_id, user_id, seq, dedupe_key, body_hash, workflow_id)
       VALUES ($1, $2, $3, $4, $5, $6, '', $6)`,
      [tenantId, messageId, agentId, userId, -randomInt(MANY), `told:${messageId}`],
    ),
  );
}
