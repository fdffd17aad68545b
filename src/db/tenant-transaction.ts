import pg from 'pg';
import type { Needed } from '../lib/wait-for.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/**
 * Runs `work` in a transaction that sees one tenant's rows only. The setting is local to the transaction,
 * so the pooled connection carries nothing over to the next one. Throws a TypeError for a tenant id that
 * is no UUID; whatever `work` throws rolls back.
 */
export async function inTenant<T>(
  pool: pg.Pool,
  tenantId: string,
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  if (!UUID.test(tenantId)) throw new TypeError(`tenantId must be a UUID, got ${JSON.stringify(tenantId)}`);
  const client = await pool.connect();
  let broken = false;
  // The pool listens only to idle connections. One that breaks in use (Postgres killed) fails its query and
  // also says so in an event, which would end the process if nobody heard it.
  const heard = () => void (broken = true);
  client.on('error', heard);
  try {
    // One round trip for both; a UUID needs no escaping.
    await client.query(`BEGIN; SET LOCAL app.current_tenant = '${tenantId}'`);
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    // A connection that can't even roll back is not returned to the pool.
    await client.query('ROLLBACK').catch(() => (broken = true));
    throw error;
  } finally {
    client.off('error', heard);
    client.release(broken);
  }
}

/**
 * Rows come from memory or a disk without a head: as cheap by an index as in a row (with the default of 4 a recall
 * read its whole partition, not its scope). And each statement has one plan that does for all values: planning for the values
 * at hand, with the partitions, took half as long as fetching the texts.
 */
const PLANNER = '-c random_page_cost=1.1 -c plan_cache_mode=force_generic_plan';

/** A pool for the service's role. `statementTimeoutMs` bounds every statement on the server's side. */
export function createPool(options: {
  databaseUrl: string;
  max: number;
  statementTimeoutMs: number;
}): pg.Pool {
  const pool = new pg.Pool({
    connectionString: options.databaseUrl,
    max: options.max,
    connectionTimeoutMillis: 2_000,
    statement_timeout: options.statementTimeoutMs,
    // A server that vanished without a word must not hold a connection for ever.
    query_timeout: options.statementTimeoutMs + 1_000,
    options: PLANNER,
    keepAlive: true,
    application_name: 'konstruct',
  });
  // An idle connection that breaks (Postgres restarted) is replaced by the pool; unheard, the event would end the process.
  pool.on('error', () => undefined);
  return pool;
}

/** What a process that needs Postgres waits for at its start. */
export function postgresNeeded(pool: pg.Pool): Needed {
  return {
    service: 'Postgres',
    probe: () => pool.query('SELECT 1'),
    cure: 'check DATABASE_URL, or start the database',
  };
}
