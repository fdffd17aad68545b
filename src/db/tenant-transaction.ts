import type pg from 'pg';
import { isDatabaseAway } from './outage.ts';
import { NIL_UUID } from './place.ts';
import { inShare, losesStatements, settingsOf } from './pool.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/**
 * Runs `work` in a transaction that sees one tenant's rows only. The setting is local to the transaction, so
 * the pooled connection carries no tenant over to its next user. Throws a TypeError for a tenant id that is
 * not a UUID. When `work` throws, the transaction is rolled back and the error rethrown. `work` runs a second
 * time when a pooler in between turns out to keep no prepared statements. With `statementWithinMs` Postgres
 * ends a statement that takes longer, instead of after the pool's time: for work that nobody waits for then.
 * With `ofOneMoment` all statements see what the first one saw. `outsideShare` is for whoever bounds itself
 * how many connections it takes.
 */
export async function inTenant<T>(
  pool: pg.Pool,
  tenantId: string,
  work: (client: pg.PoolClient) => Promise<T>,
  {
    statementWithinMs,
    ofOneMoment,
    outsideShare,
  }: { statementWithinMs?: number; ofOneMoment?: boolean; outsideShare?: boolean } = {},
): Promise<T> {
  const begin = ofOneMoment ? 'BEGIN ISOLATION LEVEL REPEATABLE READ' : 'BEGIN';
  const timeout = statementWithinMs ? `SET LOCAL statement_timeout = ${statementWithinMs}` : '';
  if (!UUID.test(tenantId)) throw new TypeError(`tenantId must be a UUID, got ${JSON.stringify(tenantId)}`);
  const begun = () => transaction(pool, tenantId, work, { begin, timeout });
  const once = () => (outsideShare ? begun() : inShare(pool, tenantId, begun));
  try {
    return await once();
  } catch (error) {
    if (!losesStatements(pool, error)) throw error;
    return once();
  }
}

/**
 * The same where no tenant is known, with none of their rows to see: what finds one, or a probe. Outside of
 * transactions the driver alone would give up on a statement, and leave it in Postgres, with its connection,
 * for as long as it waits for a lock.
 */
export const inNoTenant = <T>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<T>,
  options: { statementWithinMs?: number } = {},
): Promise<T> => inTenant(pool, NIL_UUID, work, { ...options, outsideShare: true });

async function transaction<T>(
  pool: pg.Pool,
  tenantId: string,
  work: (client: pg.PoolClient) => Promise<T>,
  { begin, timeout }: { begin: string; timeout: string },
): Promise<T> {
  const client = await pool.connect();
  const breaks: unknown[] = [];
  // The pool handles the errors of idle connections only. A connection that breaks in use (Postgres killed)
  // also emits `error`, and without a listener that would end the process.
  const note = (error: unknown): void => void breaks.push(error);
  client.on('error', note);
  try {
    // One round trip for all of it; a UUID needs no escaping.
    await client.query(
      `${begin}; SET LOCAL app.current_tenant = '${tenantId}'; ${settingsOf(pool)}; ${timeout}`,
    );
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    // Why the connection broke is what it said first; what is asked of it after that doesn't say.
    const reason = breaks.length > 0 && isDatabaseAway(error) ? breaks[0] : error;
    // A connection that can't roll back is removed from the pool.
    await client.query('ROLLBACK').catch(note);
    throw reason;
  } finally {
    client.off('error', note);
    client.release(breaks.length > 0);
  }
}
