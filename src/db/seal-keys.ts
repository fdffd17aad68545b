import type pg from 'pg';
import { within } from '../lib/within.ts';
import { inTenant } from './tenant-transaction.ts';

/** The key that seals what intake accepts for a tenant; undefined when there is no tenant of this id. */
export type SealKeys = (tenantId: string) => Promise<Buffer | undefined>;

const MAX_TENANTS = 10_000;

/** For so long a key that was found counts unasked: a tenant that is removed has none. */
export const KEY_KEPT_MS = 5 * 60_000;
/** How long turns wait for a known key to be read again. */
const AGAIN_WITHIN_MS = 500;

/**
 * Reads a tenant's key, and reads it again every five minutes. It never changes, and turns go on with it
 * while Postgres is away: then the known one counts for another five.
 */
export function createSealKeys(pool: pg.Pool): SealKeys {
  const known = new Map<string, { key: Promise<Buffer | undefined>; until: number }>();
  return (tenantId) => {
    const before = known.get(tenantId);
    if (before && before.until > performance.now()) return before.key;
    if (!before && known.size >= MAX_TENANTS) known.clear();
    const read = readKey(pool, tenantId);
    const key = before ? within(AGAIN_WITHIN_MS, read).catch(() => before.key) : read;
    const entry = { key, until: performance.now() + KEY_KEPT_MS };
    known.set(tenantId, entry);
    const forget = (): void => {
      if (known.get(tenantId) === entry) known.delete(tenantId);
    };
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
