/** Tenants that are removed. One is asked for by `konstruct_operator`, and carried out by the worker. */
import type pg from 'pg';
import type { TenantRemoval } from '../domain/tenant-removal.ts';
import { recordAudit, type AuditActor } from './audit.ts';
import { inTenant } from './tenant-transaction.ts';

/**
 * Enters that a tenant is to be removed, revokes its keys and wipes its tokens of Slack: for API and worker
 * it is gone from then on, and nothing of it comes in again. Asked for again it is the same removal. The
 * audit log gets an entry for each request. Undefined when there is no such tenant and was none.
 */
export async function enterTenantRemoval(
  pool: pg.Pool,
  tenantId: string,
  actor: AuditActor,
): Promise<TenantRemoval | undefined> {
  return inTenant(pool, tenantId, async (client) => {
    const { rowCount } = await client.query('SELECT 1 FROM tenants WHERE id = $1', [tenantId]);
    if (rowCount !== 0) await closeTenant(client, tenantId);
    const removal = await findWith(client, tenantId);
    if (!removal) return undefined;
    const target = { type: 'tenant', id: tenantId };
    await recordAudit(client, { tenantId, actor, action: 'tenant.remove', target, outcome: 'done' });
    return removal;
  });
}

async function closeTenant(client: pg.PoolClient, tenantId: string): Promise<void> {
  await client.query('INSERT INTO tenant_removals (tenant_id) VALUES ($1) ON CONFLICT DO NOTHING', [
    tenantId,
  ]);
  await client.query('UPDATE api_keys SET revoked_at = now() WHERE tenant_id = $1 AND revoked_at IS NULL', [
    tenantId,
  ]);
  await client.query(
    `UPDATE slack_installations SET token = NULL, token_key = NULL, ended_at = now(), ended_by = 'removed'
     WHERE tenant_id = $1 AND ended_at IS NULL`,
    [tenantId],
  );
}

/** A tenant's removal; undefined when nobody has asked for one. */
export async function findTenantRemoval(pool: pg.Pool, tenantId: string): Promise<TenantRemoval | undefined> {
  return inTenant(pool, tenantId, (client) => findWith(client, tenantId));
}

type Row = {
  requested_at: Date;
  finished_at: Date | null;
  row_counts: Record<string, number>;
  executions: string;
  keys: string;
};

async function findWith(client: pg.PoolClient, tenantId: string): Promise<TenantRemoval | undefined> {
  const { rows } = await client.query<Row>(
    `SELECT requested_at, finished_at, row_counts, executions, keys FROM tenant_removals WHERE tenant_id = $1`,
    [tenantId],
  );
  const [row] = rows;
  return (
    row && {
      tenantId,
      requestedAt: row.requested_at.toISOString(),
      finishedAt: row.finished_at?.toISOString() ?? null,
      removed: { rows: row.row_counts, executions: Number(row.executions), keys: Number(row.keys) },
    }
  );
}

/** Deletes some rows of a tenant whose removal was entered; false when none was left. */
export async function removeSomeRows(pool: pg.Pool, tenantId: string, atMost: number): Promise<boolean> {
  const { rows } = await inTenant(pool, tenantId, (client) =>
    client.query<{ removed: string }>('SELECT remove_rows_of_tenant($1) AS removed', [atMost]),
  );
  return Number(rows[0]?.removed ?? 0) > 0;
}

/** Deletes the tenant itself, of which nothing else is left, and writes the receipt. Safe to repeat. */
export async function finishTenantRemoval(
  pool: pg.Pool,
  tenantId: string,
  { executions, keys }: Pick<TenantRemoval['removed'], 'executions' | 'keys'>,
): Promise<void> {
  await inTenant(pool, tenantId, (client) =>
    client.query('SELECT finish_tenant_removal($1, $2)', [executions, keys]),
  );
}
