import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type pg from 'pg';
import { askLedger } from '../../src/db/ask-ledger.ts';
import { createPool, OverShareError } from '../../src/db/pool.ts';
import { inTenant } from '../../src/db/tenant-transaction.ts';
import { eventually } from '../support/eventually.ts';
import { asRole, createTestDatabase, createTestTenant, type TestDatabase } from '../support/services.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase({ max: 1 });
});
afterAll(() => database.drop());

test('a connection that breaks during a transaction fails the transaction, not the process', async () => {
  const { tenantId } = await createTestTenant(database.pool);
  const events: unknown[] = [];
  const note = (error: unknown) => void events.push(error);
  process.on('uncaughtException', note);
  const broken = inTenant(database.pool, tenantId, async (client) => {
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    await database.admin.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid]);
    // The connection breaks while no query runs, so the driver can only report it by an event.
    await new Promise((resolve) => setTimeout(resolve, 300));
    await client.query('SELECT 1');
  });
  await expect(broken).rejects.toThrow();
  process.off('uncaughtException', note);
  expect(events).toEqual([]);
  // The pool does not reuse the broken connection.
  const { rows } = await inTenant(database.pool, tenantId, (client) => client.query('SELECT 1 AS one'));
  expect(rows).toEqual([{ one: 1 }]);
});

test('a connection keeps no tenant after a transaction, however that ends', async () => {
  const { tenantId } = await createTestTenant(database.pool);
  const seen = async (client: Pick<typeof database.pool, 'query'>) => {
    const { rows } = await client.query<{ tenant: string; tenants: number }>(
      `SELECT current_setting('app.current_tenant', true) AS tenant, (SELECT count(*)::int FROM tenants) AS tenants`,
    );
    return rows[0];
  };
  expect(await inTenant(database.pool, tenantId, seen)).toEqual({ tenant: tenantId, tenants: 1 });
  expect(await seen(database.pool)).toEqual({ tenant: '', tenants: 0 });
  await expect(inTenant(database.pool, tenantId, (client) => client.query('SELECT 1/0'))).rejects.toThrow(
    'division by zero',
  );
  expect(await seen(database.pool)).toEqual({ tenant: '', tenants: 0 });
});

test('a statement that takes longer than its transaction allows is ended, and the next has the pool’s time', async () => {
  const { tenantId } = await createTestTenant(database.pool);
  const timeoutOf = async (client: Pick<typeof database.pool, 'query'>) =>
    (await client.query<{ statement_timeout: string }>('SHOW statement_timeout')).rows[0]?.statement_timeout;
  const before = await timeoutOf(database.pool);
  const slow = inTenant(database.pool, tenantId, (client) => client.query('SELECT pg_sleep(20)'), {
    statementWithinMs: 50,
  });
  await expect(slow).rejects.toMatchObject({ code: '57014' });
  expect(await inTenant(database.pool, tenantId, timeoutOf, { statementWithinMs: 50 })).toBe('50ms');
  expect(await timeoutOf(database.pool)).toBe(before);
});

test('a transaction of which Postgres hears nothing is ended, with what it holds; the others go on', async () => {
  const { tenantId, agent } = await createTestTenant(database.pool);
  const databaseUrl = asRole('api', database.url);
  const pool = createPool({ databaseUrl, max: 2, statementTimeoutMs: 5_000, idleTimeoutMs: 200 });
  const [locked, held] = [Promise.withResolvers<null>(), Promise.withResolvers<null>()];
  const lock = `SELECT 1 FROM agents WHERE tenant_id = $1 AND id = $2 FOR UPDATE`;
  const freeze = async (client: pg.PoolClient) => {
    await client.query(lock, [tenantId, agent.id]);
    locked.resolve(null);
    await held.promise;
    return client.query('SELECT 1');
  };
  const frozen = askLedger(pool, tenantId, freeze, 60_000);
  frozen.catch(() => undefined);
  await locked.promise;
  // It waits for the row, and gets it while the frozen one has not been heard of again.
  const { rowCount } = await inTenant(pool, tenantId, (client) => client.query(lock, [tenantId, agent.id]));
  expect(rowCount).toBe(1);
  held.resolve(null);
  // The driver hears why by an event; the ledger is well, so nothing is left out for it.
  await expect(frozen).rejects.toMatchObject({ code: '25P03' });
  const setting = await inTenant(database.pool, tenantId, (client) =>
    client.query('SHOW idle_in_transaction_session_timeout'),
  );
  expect(setting.rows).toEqual([{ idle_in_transaction_session_timeout: '30s' }]);
  await pool.end();
});

test('a tenant’s transactions, however many and slow, leave others a connection; what is over waits', async () => {
  const [loud, quiet] = await Promise.all([createTestTenant(database.pool), createTestTenant(database.pool)]);
  const pool = createPool({
    databaseUrl: asRole('api', database.url),
    max: 4,
    ofOneTenant: 2,
    statementTimeoutMs: 5_000,
  });
  const ends: Array<() => void> = [];
  let begun = 0;
  const held = () =>
    inTenant(pool, loud.tenantId, async () => {
      begun += 1;
      await new Promise<void>((resolve) => ends.push(resolve));
    });
  const one = () => inTenant(pool, quiet.tenantId, (client) => client.query('SELECT 1'));
  const holding = [held(), held()];
  const waiting = held();
  waiting.catch(() => undefined);
  await eventually(() => begun === 2);
  await one();
  expect([begun, pool.totalCount]).toEqual([2, 3]);
  const late = await held().catch((error: unknown) => error);
  expect(late).toBeInstanceOf(OverShareError);
  await expect(waiting).rejects.toThrow(OverShareError);
  const next = held();
  for (const end of ends.splice(0)) end();
  await Promise.all(holding);
  await eventually(() => begun === 3);
  for (const end of ends.splice(0)) end();
  await next;
  await pool.end();
});
