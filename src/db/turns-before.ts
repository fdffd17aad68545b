/** The turns before a message in its scope. */
import type pg from 'pg';
import type { Scope } from '../domain/conversation.ts';
import { IS_OPEN, OFFERED_MS, type LedgerTurn } from './ledger.ts';
import { inTenant } from './tenant-transaction.ts';

/** A turn that Temporal may be running, with the times of `findOpenTurnsBefore`. */
export type OpenTurn = Pick<LedgerTurn, 'messageId' | 'workflowId' | 'state' | 'offeredMs'> & {
  waitedMs: number;
  kind: 'message' | 'erasure';
};

/**
 * The turns before a message in its scope that may still be running, newest first, or `only` one of them.
 * `offeredMs` is the time since the turn's start was last sent to Temporal; `waitedMs` is the time since the
 * message itself was received. Both are by the database's clock.
 */
export async function findOpenTurnsBefore(
  pool: pg.Pool,
  message: Scope & { seq: number; receivedAt: string },
  { only, limit }: { only: string | undefined; limit: number },
): Promise<OpenTurn[]> {
  const { rows } = await inTenant(pool, message.tenantId, (client) =>
    client.query<OpenTurn>({
      name: 'open-turns-before',
      text: `SELECT message_id AS "messageId", workflow_id AS "workflowId", state, kind, ${OFFERED_MS} AS "offeredMs",
                    (extract(epoch FROM clock_timestamp() - $6::timestamptz) * 1000)::float8 AS "waitedMs"
             FROM turns
             WHERE tenant_id = $1 AND agent_id = $2 AND user_id = $3 AND seq < $4 AND ${IS_OPEN}
               AND ($7::uuid IS NULL OR message_id = $7)
             ORDER BY seq DESC LIMIT $5`,
      values: [
        message.tenantId,
        message.agentId,
        message.userId,
        message.seq,
        limit,
        message.receivedAt,
        only ?? null,
      ],
    }),
  );
  return rows;
}

/** The message ids of a scope's last done turns before a message, newest first. */
export async function findDoneTurnsBefore(
  pool: pg.Pool,
  { tenantId, agentId, userId, seq }: Scope & { seq: number },
  limit: number,
): Promise<string[]> {
  const { rows } = await inTenant(pool, tenantId, (client) =>
    client.query<{ messageId: string }>(
      `SELECT message_id AS "messageId" FROM turns
       WHERE tenant_id = $1 AND agent_id = $2 AND user_id = $3 AND seq < $4 AND state = 'done'
       ORDER BY seq DESC LIMIT $5`,
      [tenantId, agentId, userId, seq, limit],
    ),
  );
  return rows.map(({ messageId }) => messageId);
}
