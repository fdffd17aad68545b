/** A failed turn in the ledger that is answered once more. */
import type pg from 'pg';
import { inTenant } from './tenant-transaction.ts';

/**
 * Notes that a failed turn's start is sent again: an erasure waits for it. False when it is neither failed
 * nor, by another retry at this moment, on its way again.
 */
export async function offerAgain(pool: pg.Pool, tenantId: string, messageId: string): Promise<boolean> {
  const { rowCount } = await inTenant(pool, tenantId, (client) =>
    client.query(
      `UPDATE turns SET offered_at = clock_timestamp()
       WHERE tenant_id = $1 AND message_id = $2 AND state IN ('failed', 'accepted')`,
      [tenantId, messageId],
    ),
  );
  return rowCount === 1;
}

/** Reopens a failed turn. A turn that has succeeded meanwhile stays unchanged. */
export async function reopenTurn(pool: pg.Pool, tenantId: string, messageId: string): Promise<void> {
  await inTenant(pool, tenantId, (client) =>
    client.query(
      `UPDATE turns SET state = 'accepted', finished_at = NULL, offered_at = clock_timestamp()
       WHERE tenant_id = $1 AND message_id = $2 AND state = 'failed'`,
      [tenantId, messageId],
    ),
  );
}
