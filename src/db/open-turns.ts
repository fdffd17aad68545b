/** How many turns of a tenant have no end yet, as the ledger has them. */
import type pg from 'pg';
import { OFFERED_MS, type LedgerTurn } from './ledger.ts';
import { inTenant } from './tenant-transaction.ts';

/** The number of a tenant's open turns, and of each user's among them. */
export type OpenTurns = { total: number; ofUser: ReadonlyMap<string, number> };

/**
 * Messages that are accepted and neither stored nor failed, and those whose start was given up on in the last
 * ten minutes, which may still arrive. Each has an index that holds nothing else.
 */
const OPEN = (columns: string) => `
  (SELECT ${columns} FROM turns WHERE tenant_id = $1 AND kind = 'message' AND state = 'accepted' LIMIT $2)
  UNION ALL
  (SELECT ${columns} FROM turns WHERE tenant_id = $1 AND kind = 'message' AND state = 'refused'
     AND received_at > now() - interval '10 minutes' LIMIT $2)`;

/** Counts a tenant's open turns, up to some more than `atMost`. */
export async function countOpenTurns(pool: pg.Pool, tenantId: string, atMost: number): Promise<OpenTurns> {
  const { rows } = await inTenant(pool, tenantId, (client) =>
    client.query<{ userId: string; turns: number }>({
      name: 'count-open-turns',
      text: `SELECT user_id AS "userId", count(*)::int AS turns FROM (${OPEN('user_id')}) AS open GROUP BY user_id`,
      values: [tenantId, atMost],
    }),
  );
  return {
    total: rows.reduce((sum, { turns }) => sum + turns, 0),
    ofUser: new Map(rows.map(({ userId, turns }) => [userId, turns])),
  };
}

type OpenTurn = Pick<LedgerTurn, 'messageId' | 'workflowId' | 'state' | 'offeredMs'>;

/** Some of a tenant's open turns, or of one user's, by chance. */
export async function someOpenTurns(
  pool: pg.Pool,
  { tenantId, userId }: { tenantId: string; userId: string | undefined },
  { among, limit }: { among: number; limit: number },
): Promise<OpenTurn[]> {
  const columns = 'message_id, user_id, workflow_id, state, offered_at';
  const { rows } = await inTenant(pool, tenantId, (client) =>
    client.query<OpenTurn>(
      `SELECT message_id AS "messageId", workflow_id AS "workflowId", state, ${OFFERED_MS} AS "offeredMs"
       FROM (${OPEN(columns)}) AS open
       WHERE $3::text IS NULL OR user_id = $3
       ORDER BY random() LIMIT $4`,
      [tenantId, among, userId, limit],
    ),
  );
  return rows;
}
