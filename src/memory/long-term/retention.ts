/** What a tenant no longer wants to keep. */
import type pg from 'pg';
import { inParts } from '../../db/in-parts.ts';
import { inNoTenant, inTenant } from '../../db/tenant-transaction.ts';
import type { RedisClient } from '../../redis/connection.ts';
import { removeFromWindow } from '../window/edit-window.ts';

/** What a sweep has deleted. */
export type Swept = { exchanges: number; messages: number; passages: number; turns: number };

/** Messages, turns and imports of one transaction. */
const AT_ONCE = 500;

/** The tenants that limit how long memories or turns are kept. */
export async function tenantsWithRetention(pool: pg.Pool): Promise<string[]> {
  const { rows } = await inNoTenant(pool, (client) =>
    client.query<{ tenantId: string }>('SELECT tenants_with_retention() AS "tenantId" ORDER BY 1'),
  );
  return rows.map(({ tenantId }) => tenantId);
}

/**
 * Deletes what a tenant no longer wants to keep, some at a time, and fewer where the statement's time is over
 * before they are gone. Rejects with the signal's reason when that is aborted; what is gone by then is gone.
 */
export async function sweepTenant(
  services: { pool: pg.Pool; redis: RedisClient },
  tenantId: string,
  signal?: AbortSignal,
): Promise<Swept> {
  const total = { exchanges: 0, messages: 0, passages: 0, turns: 0 };
  await inParts(AT_ONCE, async (atMost) => {
    signal?.throwIfAborted();
    const swept = await sweepSome(services, tenantId, atMost, signal);
    if (!swept) return false;
    for (const what of ['exchanges', 'messages', 'passages', 'turns'] as const) total[what] += swept[what];
    return true;
  });
  return total;
}

type SweptRow = {
  agent_id: string;
  user_id: string;
  exchange_id: string | null;
  messages: number;
  passages: number;
  turns: number;
};

/**
 * Deletes some of what is older than the tenant's own setting says, from memory, window and ledger; undefined
 * when nothing was left to delete. Each exchange leaves its window before the transaction ends: a
 * sweep that dies in between finds it again.
 */
async function sweepSome(
  { pool, redis }: { pool: pg.Pool; redis: RedisClient },
  tenantId: string,
  atMost: number,
  signal: AbortSignal | undefined,
): Promise<Swept | undefined> {
  return inTenant(pool, tenantId, async (client) => {
    const { rows } = await client.query<SweptRow>('SELECT * FROM sweep_retention($1)', [atMost]);
    if (rows.length === 0) return undefined;
    const exchanges = rows.flatMap((row) =>
      row.exchange_id === null ? [] : [{ ...row, id: row.exchange_id }],
    );
    const scopes = Map.groupBy(exchanges, (row) => JSON.stringify([row.agent_id, row.user_id]));
    for (const ofScope of scopes.values()) {
      // Rows stay locked while windows are looked at: whoever is to end doesn't look at hundreds more.
      signal?.throwIfAborted();
      const [{ agent_id: agentId, user_id: userId } = { agent_id: '', user_id: '' }] = ofScope;
      await removeFromWindow(redis, { tenantId, agentId, userId }, new Set(ofScope.map(({ id }) => id)));
      // Postgres ends a transaction of which it hears nothing for 30 s. In a slow Redis a window takes 8 s.
      await client.query('SELECT 1');
    }
    const sum = (column: 'messages' | 'passages' | 'turns') =>
      rows.reduce((total, row) => total + row[column], 0);
    return {
      exchanges: exchanges.length,
      messages: sum('messages'),
      passages: sum('passages'),
      turns: sum('turns'),
    };
  });
}
