/** Erasures that have not finished, as the ledger has them. */
import type pg from 'pg';
import type { Scope } from '../domain/conversation.ts';
import { IS_OPEN } from './ledger.ts';
import { inTenant } from './tenant-transaction.ts';

/** What is to be forgotten: a scope, or one exchange of it. */
export type Forgettable = Scope & { exchangeId: string | undefined };

/** An erasure that has not finished. */
export type EnteredErasure = Forgettable & {
  erasureId: string;
  seq: number;
  requestedAt: Date;
  /** Turns before it that may still run. */
  turnsAhead: number;
};

/**
 * One erasure by its id, or the one that forgets what is wanted, or all of its scope, with nothing said
 * since. Undefined when it has finished.
 */
export async function findEntered(
  client: pg.PoolClient,
  tenantId: string,
  by: { erasureId: string } | { wanted: Forgettable },
): Promise<EnteredErasure | undefined> {
  const { rows } = await client.query<EnteredErasure>(
    `SELECT tenant_id AS "tenantId", agent_id AS "agentId", user_id AS "userId", exchange_id AS "exchangeId",
            id AS "erasureId", seq::float8, requested_at AS "requestedAt",
            (SELECT count(*)::int FROM turns o WHERE o.tenant_id = e.tenant_id AND o.agent_id = e.agent_id
               AND o.user_id = e.user_id AND o.seq < e.seq AND ${IS_OPEN}) AS "turnsAhead"
     FROM erasures e
     WHERE tenant_id = $1 AND finished_at IS NULL AND ${
       'erasureId' in by
         ? 'id = $2'
         : `agent_id = $2 AND user_id = $3 AND (exchange_id IS NULL OR exchange_id = $4)
            AND NOT EXISTS (SELECT FROM turns o WHERE o.tenant_id = e.tenant_id AND o.agent_id = e.agent_id
              AND o.user_id = e.user_id AND o.seq > e.seq AND o.kind = 'message')`
     } ORDER BY seq DESC LIMIT 1`,
    'erasureId' in by
      ? [tenantId, by.erasureId]
      : [tenantId, by.wanted.agentId, by.wanted.userId, by.wanted.exchangeId],
  );
  const [row] = rows;
  return row && { ...row, exchangeId: row.exchangeId ?? undefined };
}

/** Whether an erasure before a message has yet to empty what is remembered of its scope. */
export async function isBeingForgotten(
  pool: pg.Pool,
  { tenantId, agentId, userId, seq }: Scope & { seq: number },
): Promise<boolean> {
  const { rowCount } = await inTenant(pool, tenantId, (client) =>
    client.query(
      `SELECT FROM turns
       WHERE tenant_id = $1 AND agent_id = $2 AND user_id = $3 AND seq < $4 AND kind = 'erasure' AND ${IS_OPEN}
       LIMIT 1`,
      [tenantId, agentId, userId, seq],
    ),
  );
  return rowCount === 1;
}

/** There are hardly more: one that is asked for again is the same, until something else is said. */
const MOST_BEFORE = 200;

/** Erasures of the same before this one that have no receipt yet. */
export async function findErasuresBefore(
  pool: pg.Pool,
  { tenantId, agentId, userId, exchangeId }: Forgettable,
  seq: number,
): Promise<string[]> {
  const { rows } = await inTenant(pool, tenantId, (client) =>
    client.query<{ id: string }>(
      `SELECT id FROM erasures
       WHERE tenant_id = $1 AND agent_id = $2 AND user_id = $3 AND seq < $4 AND finished_at IS NULL
         AND ($5::uuid IS NULL OR exchange_id = $5)
       ORDER BY seq LIMIT ${MOST_BEFORE}`,
      [tenantId, agentId, userId, seq, exchangeId],
    ),
  );
  return rows.map(({ id }) => id);
}
