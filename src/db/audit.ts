/**
 * The audit log: who did what to a tenant, and how it ended. Entries are added and read, never changed. They
 * hold ids, names of keys and numbers: no message, no secret, and a person only as a keyed hash.
 */
import { createHmac } from 'node:crypto';
import type pg from 'pg';
import type { PageAsked } from './page.ts';
import { behind, CREATED_AT, NIL_UUID, type Place } from './place.ts';
import { inTenant } from './tenant-transaction.ts';

/** Who acts. A Slack user's id is written as a hash, keyed by the tenant. */
export type AuditActor =
  | { type: 'operator' | 'system' }
  | { type: 'api-key'; id: string; name: string }
  | { type: 'slack-user'; userId: string };

/**
 * What is acted on: one object by our own id (null: one that doesn't exist), or what an agent remembers of a
 * user, whose id is written as a hash, keyed by the tenant. A request to forget has the erasure's id
 * too, under which its steps are entered.
 */
export type AuditTarget =
  | { type: string; id: string | null }
  | { type: 'memory'; agentId: string; userId: string; erasureId?: string };

/** `refused`: by a rule or for a fault of the request. `failed`: by a fault of ours. */
export type AuditOutcome = 'done' | 'refused' | 'failed';

/** The object and the verb, such as `agent.change`. */
export type AuditAction = `${string}.${string}`;

export type AuditEntry = {
  /** `NO_TENANT` for what concerns the installation as a whole. */
  tenantId: string;
  actor: AuditActor;
  action: AuditAction;
  target: AuditTarget;
  outcome: AuditOutcome;
  /** Numbers to keep with the entry, such as how much was removed. */
  counts?: Record<string, number>;
};

/** Stands in an entry for the tenant of what concerns none, or none that exists. */
export const NO_TENANT = NIL_UUID;

/** Who acts when nobody asked: a schedule, or a command of ours. */
export const SYSTEM: AuditActor = { type: 'system' };

/**
 * Adds an entry within the caller's transaction, which must be that of the entry's tenant (`inTenant`). The
 * entry stands or falls with it: write it in the transaction of the change that it tells of. What was refused
 * or has failed is written in a transaction of its own, afterwards.
 */
export async function recordAudit(client: pg.PoolClient, entry: AuditEntry): Promise<void> {
  const { tenantId, actor, action, target, outcome, counts = {} } = entry;
  const hash = (userId: string) => hashOfUser(client, tenantId, userId);
  const idOf = async (memory: Extract<AuditTarget, { userId: string }>): Promise<string> => {
    const ids = [memory.agentId, await hash(memory.userId), memory.erasureId];
    return ids.filter((id) => id !== undefined).join('/');
  };
  await client.query(
    `INSERT INTO audit_entries
       (tenant_id, actor_type, actor_id, actor_name, action, target_type, target_id, outcome, counts)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
    [
      tenantId,
      actor.type,
      actor.type === 'slack-user' ? await hash(actor.userId) : actor.type === 'api-key' ? actor.id : null,
      actor.type === 'api-key' ? actor.name : null,
      action,
      target.type,
      'userId' in target ? await idOf(target) : target.id,
      outcome,
      JSON.stringify(counts),
    ],
  );
}

/** A user in the audit log: the same text for the same user of a tenant, and nobody's without its key. */
export async function hashOfUser(client: pg.PoolClient, tenantId: string, userId: string): Promise<string> {
  const { rows } = await client.query<{ seal_key: Buffer }>('SELECT seal_key FROM tenants WHERE id = $1', [
    tenantId,
  ]);
  const key = rows[0]?.seal_key;
  if (!key) throw new Error(`there is no tenant ${tenantId}, whose key hashes its users`);
  return createHmac('sha256', key)
    .update(JSON.stringify(['audit', userId]))
    .digest('base64url');
}

/** An entry as it is read. */
export type StoredAuditEntry = Place & {
  tenantId: string;
  actor: { type: AuditActor['type']; id: string | null; name: string | null };
  action: string;
  target: { type: string; id: string | null };
  outcome: AuditOutcome;
  counts: Record<string, number>;
};

/** A tenant's entries, newest first. */
export async function listAudit(
  pool: pg.Pool,
  tenantId: string,
  page: PageAsked,
): Promise<StoredAuditEntry[]> {
  return readPage(pool, tenantId, 'tenant_id = $4', page, [tenantId]);
}

/** The entries of all tenants and of none, newest first. The pool is of the operator's role. */
export async function listAuditOfAll(pool: pg.Pool, page: PageAsked): Promise<StoredAuditEntry[]> {
  return readPage(pool, NO_TENANT, 'true', page, []);
}

/** Entries are short, so their number bounds their bytes. */
async function readPage(
  pool: pg.Pool,
  asTenant: string,
  where: string,
  { limit, after }: PageAsked,
  values: string[],
): Promise<StoredAuditEntry[]> {
  const { rows } = await inTenant(pool, asTenant, (client) =>
    client.query<StoredAuditEntry>(
      `SELECT id, tenant_id AS "tenantId", ${CREATED_AT},
              jsonb_build_object('type', actor_type, 'id', actor_id, 'name', actor_name) AS actor, action,
              jsonb_build_object('type', target_type, 'id', target_id) AS target, outcome, counts
       FROM audit_entries
       WHERE (created_at, id) < ($1::timestamptz, $2::uuid) AND ${where}
       ORDER BY created_at DESC, id DESC LIMIT $3`,
      [...behind(after), limit, ...values],
    ),
  );
  return rows;
}
