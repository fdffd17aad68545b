/** What each role of the service may do in the database, tried as that role, with a tenant of its choice. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type pg from 'pg';
import { findApiKey, hashOfKey } from '../../src/db/api-keys.ts';
import { createAgent, findAgent } from '../../src/db/agents.ts';
import { listAudit, listAuditOfAll, recordAudit, SYSTEM, type AuditEntry } from '../../src/db/audit.ts';
import { createPool } from '../../src/db/pool.ts';
import { inTenant } from '../../src/db/tenant-transaction.ts';
import { createTenant } from '../../src/db/tenants.ts';
import { asRole, createTestDatabase, createTestTenant, type TestDatabase } from '../support/services.ts';

let database: TestDatabase;
let pools: Record<'app' | 'api' | 'worker' | 'operator', pg.Pool>;
beforeAll(async () => {
  database = await createTestDatabase();
  const open = (databaseUrl: string) => createPool({ databaseUrl, max: 2, statementTimeoutMs: 5_000 });
  pools = {
    app: database.pool,
    api: open(asRole('api', database.url)),
    worker: open(asRole('worker', database.url)),
    operator: database.operator,
  };
});
afterAll(async () => {
  await Promise.all([pools.api.end(), pools.worker.end()]);
  await database.drop();
});

/** Runs one statement with the tenant forged, in which `$1` is the tenant. */
const as = async (role: keyof typeof pools, statement: string): Promise<unknown> => {
  const { tenantId } = await createTestTenant(database.pool);
  const values = statement.includes('$1') ? [tenantId] : [];
  return inTenant(pools[role], tenantId, (client) => client.query(statement, values));
};
const DENIED = /permission denied/;

const WRITES = {
  'a tenant': `INSERT INTO tenants (id, name) VALUES ($1, 'forged')`,
  'a key': `INSERT INTO api_keys (tenant_id, id, key_hash) VALUES ($1, gen_random_uuid(), sha256('forged'))`,
  'a limit': `UPDATE tenants SET settings = '{}' WHERE id = $1`,
  'a revoked key': `UPDATE api_keys SET revoked_at = NULL WHERE tenant_id = $1`,
  'a key’s hash': `UPDATE api_keys SET key_hash = sha256('forged') WHERE tenant_id = $1`,
  'no key': `DELETE FROM api_keys WHERE tenant_id = $1`,
};

describe.each(['app', 'api', 'worker'] as const)('with a forged tenant konstruct_%s writes', (role) => {
  test.each(Object.entries(WRITES))('not %s', async (_what, statement) => {
    await expect(as(role, statement)).rejects.toThrow(DENIED);
  });
  test('and reads no hash of a key', async () => {
    await expect(as(role, 'SELECT key_hash FROM api_keys WHERE tenant_id = $1')).rejects.toThrow(DENIED);
  });
});

test('the API writes no memory', async () => {
  for (const table of ['conversation_embeddings', 'exchange_passages'])
    await expect(as('api', `INSERT INTO ${table} (tenant_id) VALUES ($1)`)).rejects.toThrow(DENIED);
});

describe.each(['app', 'api', 'worker', 'operator'] as const)('of what is remembered konstruct_%s', (role) => {
  const TABLES = [
    'conversation_embeddings',
    'conversation_embeddings_03',
    'exchange_passages',
    'scopes',
    'turns',
  ];
  test.each(TABLES)('removes nothing in %s', async (table) => {
    await expect(as(role, `DELETE FROM ${table} WHERE tenant_id = $1`)).rejects.toThrow(DENIED);
    await expect(as(role, `TRUNCATE ${table}`)).rejects.toThrow(DENIED);
  });
  test.each(TABLES.filter((table) => !['scopes', 'turns'].includes(table)))(
    'changes nothing in %s',
    async (table) => {
      const change = `UPDATE ${table} SET user_id = 'somebody else' WHERE tenant_id = $1`;
      await expect(as(role, change)).rejects.toThrow(DENIED);
    },
  );
  test('changes nothing but the state of a message', async () => {
    for (const column of ['user_id', 'api_key_id', 'agent_id']) {
      const change = `UPDATE turns SET ${column} = NULL WHERE tenant_id = $1`;
      await expect(as(role, change)).rejects.toThrow(DENIED);
    }
  });
});

test('the worker makes no agent, enters no message and finds no key', async () => {
  const { tenantId, apiKey } = await createTestTenant(database.pool);
  await expect(findApiKey(pools.worker, apiKey)).rejects.toThrow(DENIED);
  expect(await findApiKey(pools.api, apiKey)).toMatchObject({ tenantId });
  const make = inTenant(pools.worker, tenantId, (client) =>
    createAgent(client, tenantId, randomUUID(), { name: 'Forged' }),
  );
  await expect(make).rejects.toThrow(DENIED);
  for (const table of ['turns', 'scopes'])
    await expect(as('worker', `INSERT INTO ${table} (tenant_id) VALUES ($1)`)).rejects.toThrow(DENIED);
});

describe.each(['app', 'api', 'worker', 'operator'] as const)('in the audit log konstruct_%s', (role) => {
  const entryOf = (tenantId: string): AuditEntry => ({
    tenantId,
    actor: SYSTEM,
    action: 'agent.change',
    target: { type: 'agent', id: null },
    outcome: 'done',
  });

  test.each([
    ['changes nothing', `UPDATE audit_entries SET outcome = 'refused' WHERE tenant_id = $1`],
    ['removes nothing', 'DELETE FROM audit_entries WHERE tenant_id = $1'],
    ['dates nothing back', 'INSERT INTO audit_entries (tenant_id, created_at) VALUES ($1, now())'],
    ['empties nothing', 'TRUNCATE audit_entries'],
  ])('%s', async (_what, statement) => {
    await expect(as(role, statement)).rejects.toThrow(DENIED);
  });

  test('adds entries to its own tenant alone', async () => {
    const [own, other] = await Promise.all([
      createTestTenant(database.pool),
      createTestTenant(database.pool),
    ]);
    const add = (tenantId: string) =>
      inTenant(pools[role], own.tenantId, (client) => recordAudit(client, entryOf(tenantId)));
    await add(own.tenantId);
    await expect(add(other.tenantId)).rejects.toThrow(/row-level security/);
    const [entry] = await listAudit(pools[role], own.tenantId, { limit: 1 });
    expect(entry).toMatchObject({ tenantId: own.tenantId, actor: { type: 'system' }, outcome: 'done' });
  });
});

test('who rolls back his change leaves no entry of it either, and no change', async () => {
  const { tenantId, agent } = await createTestTenant(database.pool, { name: 'Mara' });
  const id = randomUUID();
  const rolledBack = inTenant(pools.app, tenantId, async (client) => {
    await createAgent(client, tenantId, id, { name: 'Never' });
    throw new Error('rolled back');
  });
  await expect(rolledBack).rejects.toThrow('rolled back');
  const entries = await listAudit(pools.app, tenantId, { limit: 10 });
  expect(entries.flatMap(({ target }) => (target.type === 'agent' ? [target.id] : []))).toEqual([agent.id]);
  expect(await findAgent(pools.app, tenantId, id)).toBeUndefined();
});

test('konstruct_operator alone reads the audit log of all tenants', async () => {
  const count = async (pool: pg.Pool) => {
    const { rows } = await inTenant(pool, randomUUID(), (client) =>
      client.query<{ n: number }>('SELECT count(*)::int AS n FROM audit_entries'),
    );
    return rows[0]?.n ?? NaN;
  };
  const { tenantId } = await createTestTenant(database.pool);
  await inTenant(pools.api, tenantId, (client) =>
    recordAudit(client, {
      tenantId,
      actor: { type: 'slack-user', userId: 'slack:T1:U1' },
      action: 'memory.forget',
      target: { type: 'memory', agentId: randomUUID(), userId: 'slack:T1:U1' },
      outcome: 'done',
      counts: { memories: 3 },
    }),
  );
  for (const role of ['app', 'api', 'worker'] as const) expect(await count(pools[role])).toBe(0);
  expect(await count(pools.operator)).toBeGreaterThan(0);
  const entries = await listAuditOfAll(pools.operator, { limit: 200 });
  expect(
    entries.find((entry) => entry.tenantId === tenantId && entry.counts['memories'] === 3),
  ).toBeDefined();
});

test('a person stands in the audit log as a hash of his tenant’s, the same for the same person', async () => {
  const [one, two] = await Promise.all([createTestTenant(database.pool), createTestTenant(database.pool)]);
  const userId = 'slack:T1:U1';
  const agentId = randomUUID();
  const record = async (tenantId: string, of: string) => {
    await inTenant(pools.worker, tenantId, (client) =>
      recordAudit(client, {
        tenantId,
        actor: { type: 'slack-user', userId: of },
        action: 'memory.forget',
        target: { type: 'memory', agentId, userId: of },
        outcome: 'done',
      }),
    );
    const [entry] = await listAudit(pools.api, tenantId, { limit: 1 });
    expect(JSON.stringify(entry)).not.toContain(of);
    expect(entry?.target.id).toBe(`${agentId}/${entry?.actor.id}`);
    return entry?.actor.id;
  };
  const first = await record(one.tenantId, userId);
  expect(await record(one.tenantId, userId)).toBe(first);
  expect(await record(one.tenantId, 'slack:T1:U2')).not.toBe(first);
  expect(await record(two.tenantId, userId)).not.toBe(first);
});

test('the operator makes tenants, and reads nothing of what is said', async () => {
  expect(await createTenant(pools.operator, 'New')).toMatchObject({ tenantId: expect.any(String) });
  for (const table of ['agents', 'scopes', 'turns', 'conversation_embeddings', 'exchange_passages'])
    await expect(as('operator', `SELECT FROM ${table} WHERE tenant_id = $1`)).rejects.toThrow(DENIED);
});

test('konstruct_app may what API and worker may together, no more and no less', async () => {
  const { rows } = await database.admin.query<{ role: string; right: string }>(`
    SELECT grantee AS role, table_name || '.' || column_name || ' ' || privilege_type AS right
    FROM information_schema.column_privileges
    WHERE grantee IN ('konstruct_app', 'konstruct_api', 'konstruct_worker')`);
  const rightsOf = (wanted: (role: string) => boolean) =>
    [...new Set(rows.filter(({ role }) => wanted(role)).map(({ right }) => right))].toSorted();
  const shared = rightsOf((role) => role === 'konstruct_app');
  expect(shared).not.toEqual([]);
  expect(rightsOf((role) => role !== 'konstruct_app')).toEqual(shared);
});

test('a key is looked up while another look-up of it has not ended', async () => {
  const { apiKey, tenantId } = await createTestTenant(database.pool);
  const client = await pools.api.connect();
  try {
    await client.query('BEGIN');
    await client.query('SELECT FROM find_api_key($1)', [hashOfKey(apiKey)]);
    expect(await findApiKey(pools.api, apiKey)).toMatchObject({ tenantId });
  } finally {
    await client.query('ROLLBACK');
    client.release();
  }
});
