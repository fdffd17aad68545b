/** What people think of replies (migrations/0022): each has one word on a reply, and the last one counts. */
import type pg from 'pg';
import { hashOfUser } from './audit.ts';
import type { PageAsked } from './page.ts';
import { behind, CREATED_AT, type Place } from './place.ts';
import { inTenant } from './tenant-transaction.ts';

/**
 * Enters what somebody thinks of the reply to a message. False when the tenant has no such message. An
 * erasure waits for it, or is waited for: what comes after it finds nothing to think of.
 */
export async function giveFeedback(
  pool: pg.Pool,
  given: { tenantId: string; messageId: string; userId: string; isGood: boolean },
): Promise<boolean> {
  const { tenantId, messageId, userId, isGood } = given;
  return inTenant(pool, tenantId, async (client) => {
    const { rowCount } = await client.query(
      `INSERT INTO feedback (tenant_id, message_id, giver, is_asker, is_good)
       SELECT tenant_id, message_id, $3, user_id = $4, $5 FROM turns
       WHERE tenant_id = $1 AND message_id = $2 AND state <> 'erased' FOR SHARE
       ON CONFLICT (tenant_id, message_id, giver)
         DO UPDATE SET is_good = excluded.is_good, created_at = clock_timestamp()`,
      [tenantId, messageId, await hashOfUser(client, tenantId, userId), userId, isGood],
    );
    return rowCount === 1;
  });
}

/** One word on a reply. */
export type StoredFeedback = Place & {
  messageId: string;
  agentId: string;
  rating: 'up' | 'down';
  /** Whether it is of the one who had asked. */
  byAsker: boolean;
};

/** A tenant's feedback, newest first. */
export async function listFeedback(
  pool: pg.Pool,
  tenantId: string,
  { limit, after }: PageAsked,
): Promise<StoredFeedback[]> {
  const { rows } = await inTenant(pool, tenantId, (client) =>
    client.query<StoredFeedback>(
      `SELECT id, message_id AS "messageId", agent_id AS "agentId", is_asker AS "byAsker",
              CASE WHEN is_good THEN 'up' ELSE 'down' END AS rating, ${CREATED_AT}
       FROM (SELECT f.id, f.message_id, t.agent_id, f.is_asker, f.is_good, f.created_at
             FROM feedback f JOIN turns t ON t.tenant_id = f.tenant_id AND t.message_id = f.message_id
             WHERE f.tenant_id = $1 AND (f.created_at, f.id) < ($2::timestamptz, $3::uuid)
             ORDER BY f.created_at DESC, f.id DESC LIMIT $4) AS newest
       ORDER BY created_at DESC, id DESC`,
      [tenantId, ...behind(after), limit],
    ),
  );
  return rows;
}
