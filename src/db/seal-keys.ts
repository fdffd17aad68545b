import type pg from 'pg';
import { inTenant } from './tenant-transaction.ts';

/** The key that seals what intake accepts for a tenant; undefined when there is no tenant of this id. */
export type SealKeys = (tenantId: string) => Promise<Buffer | undefined>;

const MAX_TENANTS = 10_000;

/** Reads a tenant's key once: it never changes, and turns go on with it while Postgres is away. */
export function createSealKeys(pool: pg.Pool): SealKeys {
  const known = new Map<string, Promise<Buffer | undefined>>();
  return (tenantId) => {
    const before = known.get(tenantId);
    if (before) return before;
    if (known.size >= MAX_TENANTS) known.clear();
    const key = readKey(pool, tenantId);
    known.set(tenantId, key);
    const forget = (): void => void known.delete(tenantId);
    key.then((found) => found ?? forget(), forget);
    return key;
  };
}

async function readKey(pool: pg.Pool, tenantId: string): Promise<Buffer | undefined> {
  const { rows } = await inTenant(pool, tenantId, (client) =>
    client.query<{ seal_key: Buffer }>('SELECT seal_key FROM tenants WHERE id = $1', [tenantId]),
  );
  return rows[0]?.seal_key;
}
