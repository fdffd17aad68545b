/** Scopes as the database has them: their numbering, and what of them is being forgotten. */
import type pg from 'pg';
import type { Scope } from '../domain/conversation.ts';

/**
 * Locks a scope's row until the transaction ends, as a message does that is entered, and gives its last
 * number. It makes the row when there is none, which then says that nobody was heard. A statement with a name
 * is parsed once a connection; it is not for work that can't be done twice (see `inTenant`).
 */
export async function lockScope(
  client: pg.PoolClient,
  { tenantId, agentId, userId }: Scope,
  statement: { name?: string } = {},
): Promise<number> {
  const { rows } = await client.query<{ last_seq: string }>({
    ...statement,
    text: `INSERT INTO scopes (tenant_id, agent_id, user_id, last_seq) VALUES ($1, $2, $3, 0)
           ON CONFLICT (tenant_id, agent_id, user_id) DO UPDATE SET last_seq = scopes.last_seq
           RETURNING last_seq`,
    values: [tenantId, agentId, userId],
  });
  return Number(rows[0]?.last_seq ?? 0);
}

/** The number of a scope's last erasure, or 0, and whether an erasure has yet to finish. */
export async function findErasures(
  client: pg.PoolClient,
  { tenantId, agentId, userId }: Scope,
): Promise<{ last: number; isOneOpen: boolean }> {
  const { rows } = await client.query<{ last: number; isOneOpen: boolean }>(
    `SELECT coalesce((SELECT last_erasure FROM scopes
                      WHERE tenant_id = $1 AND agent_id = $2 AND user_id = $3), 0)::float8 AS last,
            EXISTS (SELECT FROM erasures WHERE tenant_id = $1 AND agent_id = $2 AND user_id = $3
                      AND finished_at IS NULL) AS "isOneOpen"`,
    [tenantId, agentId, userId],
  );
  return rows[0] ?? { last: 0, isOneOpen: false };
}
