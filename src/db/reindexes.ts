/** Reindexes, as the database has them. `konstruct_operator` asks for one, the worker carries it out. */
import type pg from 'pg';
import { v4 as randomUuid } from 'uuid';
import type { ReindexKey, ReindexProgress } from '../domain/reindex.ts';
import { recordAudit, SYSTEM, type AuditActor } from './audit.ts';
import { inTenant } from './tenant-transaction.ts';

/**
 * Enters that a tenant is to be reindexed up to a version. While one up to it is under way it is the same
 * one; another takes the place of the last. The audit log gets an entry for each request. Undefined when
 * there is no such tenant.
 */
export async function enterReindex(
  pool: pg.Pool,
  { tenantId, version }: { tenantId: string; version: number },
  actor: AuditActor,
): Promise<ReindexProgress | undefined> {
  return inTenant(pool, tenantId, async (client) => {
    const { rowCount } = await client.query('SELECT 1 FROM tenants WHERE id = $1', [tenantId]);
    if (rowCount === 0) return undefined;
    await client.query(
      `INSERT INTO reindexes (tenant_id, id, version) VALUES ($1, $2, $3)
       ON CONFLICT (tenant_id) DO UPDATE
         SET id = EXCLUDED.id, version = EXCLUDED.version, requested_at = now(), finished_at = NULL,
             exchanges = NULL, renewed = 0, left_over = NULL
         WHERE reindexes.finished_at IS NOT NULL OR reindexes.version < EXCLUDED.version`,
      [tenantId, randomUuid(), version],
    );
    const target = { type: 'tenant', id: tenantId };
    await recordAudit(client, { tenantId, actor, action: 'tenant.reindex', target, outcome: 'done' });
    return findWith(client, tenantId);
  });
}

/** The reindex of a tenant that was asked for last; undefined when there was none. */
export async function findReindex(pool: pg.Pool, tenantId: string): Promise<ReindexProgress | undefined> {
  return inTenant(pool, tenantId, (client) => findWith(client, tenantId));
}

type Row = {
  id: string;
  version: number;
  requested_at: Date;
  finished_at: Date | null;
  exchanges: number | null;
  renewed: number;
  left_over: number | null;
};

async function findWith(client: pg.PoolClient, tenantId: string): Promise<ReindexProgress | undefined> {
  const { rows } = await client.query<Row>(
    `SELECT id, version, requested_at, finished_at, exchanges, renewed, left_over
     FROM reindexes WHERE tenant_id = $1`,
    [tenantId],
  );
  const [row] = rows;
  return (
    row && {
      tenantId,
      reindexId: row.id,
      version: row.version,
      requestedAt: row.requested_at.toISOString(),
      finishedAt: row.finished_at?.toISOString() ?? null,
      exchanges: row.exchanges,
      renewed: row.renewed,
      left: row.left_over,
    }
  );
}

/** Notes how many exchanges a reindex has yet to look at. */
export async function noteOld(pool: pg.Pool, key: ReindexKey, old: number): Promise<void> {
  await inTenant(pool, key.tenantId, (client) =>
    client.query(
      `UPDATE reindexes SET exchanges = renewed + $3
       WHERE tenant_id = $1 AND id = $2 AND finished_at IS NULL`,
      [key.tenantId, key.reindexId, old],
    ),
  );
}

/** Counts an exchange as renewed, within the caller's transaction. */
export async function countRenewed(client: pg.PoolClient, key: ReindexKey): Promise<void> {
  await client.query({
    name: 'count-renewed',
    text: `UPDATE reindexes SET renewed = renewed + 1
           WHERE tenant_id = $1 AND id = $2 AND finished_at IS NULL`,
    values: [key.tenantId, key.reindexId],
  });
}

/** Ends a reindex, with what is older still, and writes that into the audit log. The first call counts. */
export async function endReindex(pool: pg.Pool, key: ReindexKey, left: number): Promise<void> {
  const { tenantId, reindexId } = key;
  await inTenant(pool, tenantId, async (client) => {
    const { rows } = await client.query<{ exchanges: number; renewed: number }>(
      `UPDATE reindexes SET finished_at = now(), left_over = $3
       WHERE tenant_id = $1 AND id = $2 AND finished_at IS NULL
       RETURNING coalesce(exchanges, renewed) AS exchanges, renewed`,
      [tenantId, reindexId, left],
    );
    const [ended] = rows;
    if (!ended) return;
    await recordAudit(client, {
      tenantId,
      actor: SYSTEM,
      action: 'reindex.finish',
      target: { type: 'tenant', id: tenantId },
      outcome: 'done',
      counts: { ...ended, left },
    });
  });
}
