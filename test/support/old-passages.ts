/** Memories as older code has left them. */
import { inTenant } from '../../src/db/tenant-transaction.ts';
import { derivedOf } from '../../src/memory/long-term/derive.ts';
import { insertExchange } from '../../src/memory/long-term/exchange-passages.ts';
import { readExchanges } from '../../src/memory/long-term/renew-passages.ts';
import type { TestDatabase } from './services.ts';

/**
 * Gives each exchange of a tenant one passage of version 0 that is all of it, as there was before messages
 * were cut. Returns the ids of the exchanges.
 */
export async function makeOld({ admin, pool }: TestDatabase, tenantId: string): Promise<string[]> {
  const { rows } = await admin.query<{ id: string }>(
    'SELECT DISTINCT exchange_id AS id FROM exchange_passages WHERE tenant_id = $1 ORDER BY 1',
    [tenantId],
  );
  const places = rows.map(({ id }) => ({ version: 0, exchangeId: id }));
  const stored = await readExchanges(pool, tenantId, places);
  await admin.query('DELETE FROM exchange_passages WHERE tenant_id = $1', [tenantId]);
  await inTenant(pool, tenantId, async (client) => {
    for (const { place, scope, user, reply, createdAt, known } of stored) {
      const whole = (text = '') => ({ from: 0, to: text.length });
      const embedding = Array.from(known.user.length > 0 ? known.user : known.reply, (value, i) =>
        known.user.length > 0 ? value + (known.reply[i] ?? 0) : value,
      );
      const passage = { user: whole(user?.text), reply: whole(reply?.text), embedding };
      const { exchangeId } = place;
      const passages = [passage];
      const texts = { user: user?.text ?? '', reply: reply?.text ?? '' };
      const derived = { ...derivedOf({ ...texts, createdAt, passages }), version: 0 };
      await insertExchange(client, { ...scope, exchangeId, user, reply, createdAt, passages, derived });
    }
  });
  return rows.map(({ id }) => id);
}

/** How many passages a tenant has of each version. */
export async function versionsOf(
  { admin }: Pick<TestDatabase, 'admin'>,
  tenantId: string,
): Promise<Record<number, number>> {
  const { rows } = await admin.query<{ version: number; n: number }>(
    'SELECT version, count(*)::int AS n FROM exchange_passages WHERE tenant_id = $1 GROUP BY 1',
    [tenantId],
  );
  return Object.fromEntries(rows.map(({ version, n }) => [version, n]));
}
