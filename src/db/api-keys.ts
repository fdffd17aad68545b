/** API keys of tenants. What writes them takes a pool of `konstruct_operator`: no other role may. */
import { createHash, randomBytes } from 'node:crypto';
import type pg from 'pg';
import { v4 as randomUuid } from 'uuid';
import type { KeyRole } from '../domain/key-roles.ts';
import { recordAudit, SYSTEM, type AuditAction, type AuditActor } from './audit.ts';
import { inNoTenant, inTenant } from './tenant-transaction.ts';

/** A new API key. It is returned once; the database stores only its hash. */
export type IssuedApiKey = { id: string; apiKey: string };

/** What whoever issues a key says of it. `expiresAt` is ISO 8601, null for never. */
export type ApiKeyFields = { name: string; role: KeyRole; expiresAt: string | null };

/** An API key as the operator sees it. Times are ISO 8601; the last use is exact to the minute. */
export type ApiKey = ApiKeyFields & {
  apiKeyId: string;
  createdAt: string;
  lastUsedAt: string | null;
  revokedAt: string | null;
};

/** The key of a request. */
export type FoundApiKey = {
  tenantId: string;
  id: string;
  name: string;
  role: KeyRole;
  /** The key that this one stands for after rotations, or itself: the ledger has this one's id. */
  firstId: string;
};

/** Keys of a tenant that are valid at the same time. One for each application and person is plenty. */
export const MAX_API_KEYS = 100;

const IS_VALID = 'revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())';

/**
 * Issues a further API key. Existing keys stay valid until they are revoked or expire. Undefined when the
 * tenant has as many as it may.
 */
export async function issueApiKey(
  pool: pg.Pool,
  tenantId: string,
  fields: Partial<ApiKeyFields> = {},
  by: AuditActor = SYSTEM,
): Promise<IssuedApiKey | undefined> {
  return inTenant(pool, tenantId, async (client) => {
    await client.query("SELECT pg_advisory_xact_lock(hashtextextended('keys of ' || $1, 0))", [tenantId]);
    const { rowCount } = await client.query(
      `SELECT 1 FROM api_keys WHERE tenant_id = $1 AND ${IS_VALID} LIMIT $2`,
      [tenantId, MAX_API_KEYS],
    );
    if ((rowCount ?? 0) >= MAX_API_KEYS) return undefined;
    const key = await insertApiKey(client, tenantId, { name: '', role: 'admin', expiresAt: null, ...fields });
    await record(client, tenantId, 'api-key.issue', key.id, by);
    return key;
  });
}

type KeyRow = {
  id: string;
  name: string;
  role: KeyRole;
  created_at: Date;
  expires_at: Date | null;
  last_used_at: Date | null;
  revoked_at: Date | null;
};

/** All keys of a tenant, oldest first, revoked and expired ones too. */
export async function listApiKeys(pool: pg.Pool, tenantId: string): Promise<ApiKey[]> {
  const { rows } = await inTenant(pool, tenantId, (client) =>
    client.query<KeyRow>(
      `SELECT id, name, role, created_at, expires_at, last_used_at, revoked_at FROM api_keys
       WHERE tenant_id = $1 ORDER BY created_at, id`,
      [tenantId],
    ),
  );
  return rows.map((row) => ({
    apiKeyId: row.id,
    name: row.name,
    role: row.role,
    createdAt: row.created_at.toISOString(),
    expiresAt: row.expires_at?.toISOString() ?? null,
    lastUsedAt: row.last_used_at?.toISOString() ?? null,
    revokedAt: row.revoked_at?.toISOString() ?? null,
  }));
}

/** Revokes a key. False when the tenant has no key of this id that isn't revoked. */
export async function revokeApiKey(
  pool: pg.Pool,
  tenantId: string,
  keyId: string,
  by: AuditActor = SYSTEM,
): Promise<boolean> {
  return inTenant(pool, tenantId, async (client) => {
    const { rowCount } = await client.query(
      'UPDATE api_keys SET revoked_at = now() WHERE tenant_id = $1 AND id = $2 AND revoked_at IS NULL',
      [tenantId, keyId],
    );
    if (rowCount !== 1) return false;
    await record(client, tenantId, 'api-key.revoke', keyId, by);
    return true;
  });
}

/**
 * Replaces a key by a new one of its name, role and expiry, in one transaction. Undefined when the tenant has
 * no valid key of this id.
 */
export async function rotateApiKey(
  pool: pg.Pool,
  tenantId: string,
  keyId: string,
  by: AuditActor = SYSTEM,
): Promise<IssuedApiKey | undefined> {
  return inTenant(pool, tenantId, async (client) => {
    const { rows } = await client.query<{
      name: string;
      role: KeyRole;
      expires_at: Date | null;
      first_id: string;
    }>(
      `UPDATE api_keys SET revoked_at = now() WHERE tenant_id = $1 AND id = $2 AND ${IS_VALID}
       RETURNING name, role, expires_at, coalesce(replaces, id) AS first_id`,
      [tenantId, keyId],
    );
    const old = rows[0];
    if (!old) return undefined;
    const fields = { name: old.name, role: old.role, expiresAt: old.expires_at?.toISOString() ?? null };
    const key = await insertApiKey(client, tenantId, fields, old.first_id);
    await record(client, tenantId, 'api-key.rotate', keyId, by);
    return key;
  });
}

/** What the database knows an API key by; undefined for a text that can't be one, which none need look up. */
export function hashOfKey(text: string): Buffer | undefined {
  return /^konstruct_[\w-]{43}$/.test(text) ? hashApiKey(text) : undefined;
}

/** The key that a request brings; see `findKeyByHash`. */
export async function findApiKey(pool: pg.Pool, apiKey: string): Promise<FoundApiKey | undefined> {
  return findKeyByHash(pool, hashApiKey(apiKey));
}

/**
 * The key of a hash, whose use is noted; undefined for an unknown, revoked or expired one. Runs before a
 * tenant is known.
 */
export async function findKeyByHash(pool: pg.Pool, hash: Buffer): Promise<FoundApiKey | undefined> {
  const { rows } = await inNoTenant(pool, (client) =>
    client.query<FoundApiKey>(
      `SELECT tenant_id AS "tenantId", id, name, role, first_id AS "firstId" FROM find_api_key($1)`,
      [hash],
    ),
  );
  return rows[0];
}

/** Adds a key within the caller's transaction, which leaves the audit entry. */
export async function insertApiKey(
  client: pg.PoolClient,
  tenantId: string,
  { name, role, expiresAt }: ApiKeyFields,
  replaces: string | null = null,
): Promise<IssuedApiKey> {
  const id = randomUuid();
  // The prefix lets secret scanners recognise a leaked key.
  const apiKey = `konstruct_${randomBytes(32).toString('base64url')}`;
  await client.query(
    `INSERT INTO api_keys (tenant_id, id, key_hash, name, role, expires_at, replaces)
     VALUES ($1, $2, $3, $4, $5, $6, $7)`,
    [tenantId, id, hashApiKey(apiKey), name, role, expiresAt, replaces],
  );
  return { id, apiKey };
}

async function record(
  client: pg.PoolClient,
  tenantId: string,
  action: AuditAction,
  keyId: string,
  actor: AuditActor,
): Promise<void> {
  await recordAudit(client, {
    tenantId,
    actor,
    action,
    target: { type: 'api-key', id: keyId },
    outcome: 'done',
  });
}

function hashApiKey(apiKey: string): Buffer {
  return createHash('sha256').update(apiKey).digest();
}
