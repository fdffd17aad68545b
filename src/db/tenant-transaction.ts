import pg from 'pg';
import type { Needed } from '../lib/wait-for.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/**
 * Runs `work` in a transaction that sees one tenant's rows only. The setting is local to the transaction, so
 * the pooled connection carries no tenant over to its next user. Throws a TypeError for a tenant id that is
 * not a UUID. When `work` throws, the transaction is rolled back and the error rethrown.
 */
export async function inTenant<T>(
  pool: pg.Pool,
  tenantId: string,
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  if (!UUID.test(tenantId)) throw new TypeError(`tenantId must be a UUID, got ${JSON.stringify(tenantId)}`);
  const client = await pool.connect();
  let broken = false;
  // The pool handles the errors of idle connections only. A connection that breaks in use (Postgres killed)
  // also emits `error`, and without a listener that would end the process.
  const markBroken = () => void (broken = true);
  client.on('error', markBroken);
  try {
    // One round trip for both; a UUID needs no escaping.
    await client.query(`BEGIN; SET LOCAL app.current_tenant = '${tenantId}'`);
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    // A connection that can't roll back is removed from the pool.
    await client.query('ROLLBACK').catch(() => (broken = true));
    throw error;
  } finally {
    client.off('error', markBroken);
    client.release(broken);
  }
}

/**
 * `random_page_cost`: memory and SSDs read random pages about as fast as sequential ones.
 * With the default of 4 a recall scans its whole partition instead of using the scope's
 * index. `plan_cache_mode`: planning over all partitions for each execution would take a
 * large part of a query's time, and every statement has one plan that suits all values.
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
    // A server that disappears without closing the connection must not block a query for ever.
    query_timeout: options.statementTimeoutMs + 1_000,
    options: PLANNER,
    keepAlive: true,
    application_name: 'konstruct',
  });
  // The pool replaces an idle connection that breaks (Postgres restarted).
  // Without a listener its `error` event would end the process.
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
