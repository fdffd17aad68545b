import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { migrateDatabase } from '../../src/db/migrate.ts';
import { asRole, createTestDatabase, createTestTenant, type TestDatabase } from '../support/services.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const rows = async (sql: string) => (await database.admin.query<Record<string, unknown>>(sql)).rows;

describe('conversation_embeddings, read back from the catalogue', () => {
  test('has all columns with their types, none nullable', async () => {
    const columns = await rows(`
      SELECT attname AS name, format_type(atttypid, atttypmod) AS type, attnotnull AS required
      FROM pg_attribute WHERE attrelid = 'conversation_embeddings'::regclass AND attnum > 0`);
    expect(columns).toEqual(
      [
        ['id', 'uuid'],
        ['tenant_id', 'uuid'],
        ['agent_id', 'uuid'],
        ['user_id', 'text'],
        ['content', 'text'],
        ['role', 'text'],
        ['embedding', 'vector(384)'],
        ['created_at', 'timestamp with time zone'],
        ['exchange_id', 'uuid'],
      ].map(([name, type]) => ({ name, type, required: true })),
    );
  });

  test('has its indexes: age, exchange, HNSW by cosine with m 16 and ef_construction 64, primary key, scope by time', async () => {
    const found = await rows(
      `SELECT indexdef FROM pg_indexes WHERE tablename = 'conversation_embeddings' ORDER BY indexname`,
    );
    const definitions = found.map(({ indexdef }) => String(indexdef));
    expect(definitions).toEqual([
      expect.stringMatching(/USING btree \(tenant_id, created_at\)/),
      expect.stringMatching(/USING btree \(tenant_id, exchange_id\)/),
      expect.stringMatching(
        /USING hnsw \(embedding vector_cosine_ops\) WITH \(m='16', ef_construction='64'\)/,
      ),
      expect.stringMatching(/UNIQUE .* \(tenant_id, id\)/),
      expect.stringMatching(/USING btree \(tenant_id, agent_id, user_id, created_at DESC\)/),
    ]);
  });

  test('is hash-partitioned by tenant, with vectors stored inline (no TOAST) in every partition', async () => {
    expect(await rows(`SELECT pg_get_partkeydef('conversation_embeddings'::regclass) AS key`)).toEqual([
      { key: 'HASH (tenant_id)' },
    ]);
    const storage = await rows(`
      SELECT a.attstorage AS storage, count(*)::int AS tables FROM pg_attribute a
      JOIN pg_class c ON c.oid = a.attrelid AND c.relname LIKE 'conversation_embeddings%' AND c.relkind IN ('r', 'p')
      WHERE a.attname = 'embedding' GROUP BY 1`);
    expect(storage).toEqual([{ storage: 'p', tables: 17 }]);
  });
});

describe('exchange_passages, read back from the catalogue', () => {
  test('is hash-partitioned like conversation_embeddings', async () => {
    const partitions = await rows(`
      SELECT pg_get_partkeydef('exchange_passages'::regclass) AS key,
             (SELECT count(*)::int FROM pg_inherits WHERE inhparent = 'exchange_passages'::regclass) AS partitions`);
    expect(partitions).toEqual([{ key: 'HASH (tenant_id)', partitions: 16 }]);
  });

  test('stores vectors and terms inline, and has no text', async () => {
    const columns = await rows(`
      SELECT a.attname AS name, a.attstorage AS storage, count(*)::int AS tables FROM pg_attribute a
      JOIN pg_class c ON c.oid = a.attrelid AND c.relname LIKE 'exchange_passages%' AND c.relkind IN ('r', 'p')
      WHERE a.attnum > 0 AND a.attlen = -1 AND a.attname <> 'user_id' GROUP BY 1, 2 ORDER BY 1`);
    expect(columns).toEqual([
      { name: 'embedding', storage: 'p', tables: 17 },
      { name: 'terms', storage: 'p', tables: 17 },
    ]);
  });

  test('has the same policy and grants as conversation_embeddings', async () => {
    const policiesOf = (table: string) =>
      rows(`SELECT policyname, permissive, roles::text, cmd, qual, with_check FROM pg_policies
            WHERE tablename = '${table}' ORDER BY 1`);
    const policies = await policiesOf('exchange_passages');
    expect(policies.map(({ policyname }) => policyname)).toEqual(['not_removed', 'own_tenant']);
    expect(policies).toEqual(await policiesOf('conversation_embeddings'));
    const grants = await rows(`
      SELECT privilege_type AS privilege FROM information_schema.role_table_grants
      WHERE grantee = 'konstruct_app' AND table_name LIKE 'exchange_passages%' ORDER BY 1`);
    expect(grants).toEqual([{ privilege: 'INSERT' }, { privilege: 'SELECT' }]);
  });
});

describe('row-level security', () => {
  test('every table with a tenant has an owner who can’t log in, and its policy is enabled and forced', async () => {
    const tables = await rows(`
      SELECT relname AS name FROM pg_class
      WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relname <> 'schema_migrations'
        AND NOT (relrowsecurity AND relforcerowsecurity AND relowner = 'konstruct_owner'::regrole)`);
    expect(tables).toEqual([]);
    // What outlives its tenant takes rows after the tenant's end.
    const open = await rows(`
      SELECT c.relname AS name FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
      WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
        AND (SELECT array_agg(policyname ORDER BY policyname)::text[] FROM pg_policies p
             WHERE p.tablename = c.relname AND policyname IN ('own_tenant', 'not_removed'))
            IS DISTINCT FROM ARRAY['not_removed', 'own_tenant']
      ORDER BY 1`);
    expect(open.map(({ name }) => name)).toEqual(['audit_entries', 'tenant_removals']);
  });

  test('the service can only select and insert memories, owns nothing and bypasses no policy', async () => {
    const grants = await rows(`
      SELECT privilege_type AS privilege FROM information_schema.role_table_grants
      WHERE grantee = 'konstruct_app' AND table_name = 'conversation_embeddings' ORDER BY 1`);
    expect(grants).toEqual([{ privilege: 'INSERT' }, { privilege: 'SELECT' }]);
    const role = await rows(`
      SELECT DISTINCT rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb AS powerful,
             (SELECT count(*)::int FROM pg_class WHERE relowner = pg_roles.oid) AS owns,
             (SELECT count(*)::int FROM pg_auth_members WHERE member = pg_roles.oid) AS member_of
      FROM pg_roles WHERE rolname IN ('konstruct_app', 'konstruct_api', 'konstruct_worker', 'konstruct_operator')`);
    expect(role).toEqual([{ powerful: false, owns: 0, member_of: 0 }]);
  });
});

test('nobody but owners may create objects, also where everybody could', async () => {
  await database.admin.query('GRANT CREATE ON SCHEMA public TO PUBLIC');
  const url = new URL(process.env['DATABASE_ADMIN_URL'] ?? '');
  url.pathname = new URL(database.url).pathname;
  await migrateDatabase({ databaseAdminUrl: url.href, serviceUrls: [database.url] });
  const { rows } = await database.admin.query<{ rolname: string }>(
    `SELECT rolname FROM pg_roles
     WHERE rolname LIKE 'konstruct%' AND has_schema_privilege(oid, 'public', 'CREATE')`,
  );
  expect(rows.map(({ rolname }) => rolname).filter((name) => name !== 'konstruct_owner')).toEqual([]);
});

test('migrations are safe to run twice and from two processes at once', async () => {
  const adminUrl = new URL(process.env['DATABASE_ADMIN_URL'] ?? '');
  adminUrl.pathname = new URL(database.url).pathname;
  const log: string[] = [];
  const options = {
    databaseAdminUrl: adminUrl.href,
    serviceUrls: [database.url, asRole('operator', database.url)],
    log: (line: string) => log.push(line),
  };
  await Promise.all([migrateDatabase(options), migrateDatabase(options)]);
  await migrateDatabase(options);
  expect(log).toEqual([]);
});

test('a migration finds out when users from before it were last heard', async () => {
  const { tenantId, agent } = await createTestTenant(database.pool);
  const scope = [tenantId, agent.id];
  await database.admin.query(
    `INSERT INTO scopes (tenant_id, agent_id, user_id, last_seq, active_at)
     SELECT $1, $2, name, 1, now() FROM unnest(ARRAY['heard', 'silent']) name`,
    scope,
  );
  const heardAt = (at: string, kind: 'message' | 'erasure', seq: number) =>
    database.admin.query(
      `INSERT INTO turns (tenant_id, agent_id, user_id, message_id, seq, dedupe_key, body_hash, workflow_id, kind,
                          received_at)
       VALUES ($1, $2, 'heard', gen_random_uuid(), $3, $4::text, '', '', $5, $4::text::timestamptz)`,
      [...scope, seq, at, kind],
    );
  await heardAt('2026-01-02T03:04:05Z', 'message', 1);
  await heardAt('2026-01-03T03:04:05Z', 'message', 2);
  await heardAt('2026-01-04T03:04:05Z', 'erasure', 3);
  const file = await readFile(new URL('../../migrations/0026_last_heard.sql', import.meta.url), 'utf8');
  const [up = ''] = file.split('-- Down Migration');
  await database.admin.query(`BEGIN; ${up}; COMMIT`);
  const found = await database.admin.query<{ user_id: string; active_at: Date }>(
    'SELECT user_id, active_at FROM scopes WHERE tenant_id = $1 ORDER BY user_id',
    [tenantId],
  );
  expect(found.rows.map(({ user_id, active_at }) => [user_id, active_at.toISOString()])).toEqual([
    ['heard', '2026-01-03T03:04:05.000Z'],
    ['silent', '1970-01-01T00:00:00.000Z'],
  ]);
});

test('migrations refuse a DATABASE_URL of another role than konstruct_app', async () => {
  const adminUrl = process.env['DATABASE_ADMIN_URL'] ?? '';
  await expect(migrateDatabase({ databaseAdminUrl: adminUrl, serviceUrls: [adminUrl] })).rejects.toThrow(
    /DATABASE_URL must connect as konstruct_app/,
  );
});
