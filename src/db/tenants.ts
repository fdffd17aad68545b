/** Tenants. What writes them takes a pool of `konstruct_operator`: no other role may. */
import type pg from 'pg';
import { v4 as randomUuid } from 'uuid';
import { DEFAULT_RATE_LIMITS, type RateLimit, type RateLimits } from '../domain/rate-limits.ts';
import { insertApiKey, type IssuedApiKey } from './api-keys.ts';
import { NO_TENANT, recordAudit, SYSTEM, type AuditActor } from './audit.ts';
import type { PageAsked } from './page.ts';
import { behind, CREATED_AT, type Place } from './place.ts';
import { inTenant } from './tenant-transaction.ts';

/** Creates a tenant and its first API key, of the role `admin`. */
export async function createTenant(
  pool: pg.Pool,
  name: string,
  keyName = '',
  by: AuditActor = SYSTEM,
): Promise<{ tenantId: string; key: IssuedApiKey }> {
  const tenantId = randomUuid();
  const key = await inTenant(pool, tenantId, async (client) => {
    await client.query('INSERT INTO tenants (id, name) VALUES ($1, $2)', [tenantId, name]);
    await recordAudit(client, {
      tenantId,
      actor: by,
      action: 'tenant.create',
      target: { type: 'tenant', id: tenantId },
      outcome: 'done',
    });
    return insertApiKey(client, tenantId, { name: keyName, role: 'admin', expiresAt: null });
  });
  return { tenantId, key };
}

/** Whether a tenant of this id exists. */
export async function tenantExists(pool: pg.Pool, tenantId: string): Promise<boolean> {
  const { rows } = await inTenant(pool, tenantId, (client) =>
    client.query('SELECT 1 FROM tenants WHERE id = $1', [tenantId]),
  );
  return rows.length > 0;
}

/** A tenant in a list. */
export type ListedTenant = Place & { name: string };

/** All tenants, newest first. The pool is of the operator's role: others see no tenant but their own. */
export async function listTenants(pool: pg.Pool, { limit, after }: PageAsked): Promise<ListedTenant[]> {
  const { rows } = await inTenant(pool, NO_TENANT, (client) =>
    client.query<ListedTenant>(
      `SELECT id, name, ${CREATED_AT} FROM (
         SELECT id, name, created_at FROM tenants WHERE (created_at, id) < ($1::timestamptz, $2::uuid)
         ORDER BY created_at DESC, id DESC LIMIT $3) AS newest
       ORDER BY newest.created_at DESC, id DESC`,
      [...behind(after), limit],
    ),
  );
  return rows;
}

/** A tenant with its settings. */
export type Tenant = { id: string; name: string; rateLimits: RateLimits; retention: Retention };

/** How many days memories and the ledger's ended turns are kept; null for ever. */
export type Retention = { memoryDays: number | null; ledgerDays: number | null };

/** The settable fields of a tenant. A field left out keeps its value. */
export type TenantChanges = {
  name?: string;
  rateLimits?: { user?: Partial<RateLimit>; tenant?: Partial<RateLimit> };
  retention?: Partial<Retention>;
};

type TenantRow = {
  id: string;
  name: string;
  /** `retention` is there only where something is not kept for ever: the sweep looks for it. */
  settings: { rateLimits?: TenantChanges['rateLimits']; retention?: Partial<Retention> };
};

/** One tenant; undefined when there is none of this id. */
export async function findTenant(pool: pg.Pool, tenantId: string): Promise<Tenant | undefined> {
  const { rows } = await inTenant(pool, tenantId, (client) =>
    client.query<TenantRow>('SELECT id, name, settings FROM tenants WHERE id = $1', [tenantId]),
  );
  return rows[0] && toTenant(rows[0]);
}

/** Changes the given fields of a tenant and returns it; undefined when there is none of this id. */
export async function updateTenant(
  pool: pg.Pool,
  tenantId: string,
  changes: TenantChanges,
  by: AuditActor = SYSTEM,
): Promise<Tenant | undefined> {
  return inTenant(pool, tenantId, async (client) => {
    const { rows } = await client.query<TenantRow>(
      'SELECT id, name, settings FROM tenants WHERE id = $1 FOR UPDATE',
      [tenantId],
    );
    const old = rows[0];
    if (!old) return undefined;
    const { user, tenant } = changes.rateLimits ?? {};
    const rateLimits = {
      user: { ...old.settings.rateLimits?.user, ...user },
      tenant: { ...old.settings.rateLimits?.tenant, ...tenant },
    };
    const { retention: oldRetention, ...settings } = old.settings;
    const retention = { ...oldRetention, ...changes.retention };
    const isLimited = Object.values(retention).some((limit) => limit !== null);
    const changed = {
      ...old,
      name: changes.name ?? old.name,
      settings: { ...settings, rateLimits, ...(isLimited && { retention }) },
    };
    await client.query('UPDATE tenants SET name = $2, settings = $3 WHERE id = $1', [
      tenantId,
      changed.name,
      JSON.stringify(changed.settings),
    ]);
    await recordAudit(client, {
      tenantId,
      actor: by,
      action: 'tenant.change',
      target: { type: 'tenant', id: tenantId },
      outcome: 'done',
    });
    return toTenant(changed);
  });
}

function toTenant({ id, name, settings }: TenantRow): Tenant {
  return {
    id,
    name,
    rateLimits: {
      user: { ...DEFAULT_RATE_LIMITS.user, ...settings.rateLimits?.user },
      tenant: { ...DEFAULT_RATE_LIMITS.tenant, ...settings.rateLimits?.tenant },
    },
    retention: { memoryDays: null, ledgerDays: null, ...settings.retention },
  };
}
