import { createHash, randomBytes } from 'node:crypto';
import type pg from 'pg';
import { v4 as randomUuid } from 'uuid';
import { DEFAULT_RATE_LIMITS, type RateLimit, type RateLimits } from '../domain/rate-limits.ts';
import { inTenant } from './tenant-transaction.ts';

/** A new API key. It is returned once; the database stores only its hash. */
export type IssuedApiKey = { id: string; apiKey: string };

/** Creates a tenant and its first API key. */
export async function createTenant(
  pool: pg.Pool,
  name: string,
): Promise<{ tenantId: string; key: IssuedApiKey }> {
  const tenantId = randomUuid();
  const key = await inTenant(pool, tenantId, async (client) => {
    await client.query('INSERT INTO tenants (id, name) VALUES ($1, $2)', [tenantId, name]);
    return insertApiKey(client, tenantId);
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

/** A tenant with its settings. */
export type Tenant = { id: string; name: string; rateLimits: RateLimits };

/** The settable fields of a tenant. A field left out keeps its value. */
export type TenantChanges = {
  name?: string;
  rateLimits?: { user?: Partial<RateLimit>; tenant?: Partial<RateLimit> };
};

type TenantRow = { id: string; name: string; settings: { rateLimits?: TenantChanges['rateLimits'] } };

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
    const changed = { ...old, name: changes.name ?? old.name, settings: { ...old.settings, rateLimits } };
    await client.query('UPDATE tenants SET name = $2, settings = $3 WHERE id = $1', [
      tenantId,
      changed.name,
      JSON.stringify(changed.settings),
    ]);
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
  };
}

/** Issues a further API key. Existing keys stay valid until they are revoked. */
export async function issueApiKey(pool: pg.Pool, tenantId: string): Promise<IssuedApiKey> {
  return inTenant(pool, tenantId, (client) => insertApiKey(client, tenantId));
}

/** Revokes a key. False when the tenant has no valid key of this id. */
export async function revokeApiKey(pool: pg.Pool, tenantId: string, keyId: string): Promise<boolean> {
  const result = await inTenant(pool, tenantId, (client) =>
    client.query(
      'UPDATE api_keys SET revoked_at = now() WHERE tenant_id = $1 AND id = $2 AND revoked_at IS NULL',
      [tenantId, keyId],
    ),
  );
  return result.rowCount === 1;
}

/** Replaces a key by a new one in one transaction. Undefined when the tenant has no valid key of this id. */
export async function rotateApiKey(
  pool: pg.Pool,
  tenantId: string,
  keyId: string,
): Promise<IssuedApiKey | undefined> {
  return inTenant(pool, tenantId, async (client) => {
    const revoked = await client.query(
      'UPDATE api_keys SET revoked_at = now() WHERE tenant_id = $1 AND id = $2 AND revoked_at IS NULL',
      [tenantId, keyId],
    );
    return revoked.rowCount === 1 ? insertApiKey(client, tenantId) : undefined;
  });
}

/**
 * The tenant of a key; undefined for an unknown or revoked key. The one query that runs without a tenant set.
 */
export async function findTenantOfApiKey(pool: pg.Pool, apiKey: string): Promise<string | undefined> {
  const { rows } = await pool.query<{ tenant_id: string | null }>(
    'SELECT tenant_of_api_key($1) AS tenant_id',
    [hashApiKey(apiKey)],
  );
  return rows[0]?.tenant_id ?? undefined;
}

async function insertApiKey(client: pg.PoolClient, tenantId: string): Promise<IssuedApiKey> {
  const id = randomUuid();
  // The prefix lets secret scanners recognise a leaked key.
  const apiKey = `konstruct_${randomBytes(32).toString('base64url')}`;
  await client.query('INSERT INTO api_keys (tenant_id, id, key_hash) VALUES ($1, $2, $3)', [
    tenantId,
    id,
    hashApiKey(apiKey),
  ]);
  return { id, apiKey };
}

function hashApiKey(apiKey: string): Buffer {
  return createHash('sha256').update(apiKey).digest();
}
