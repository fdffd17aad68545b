/** `npm run doctor` against planted faults in Postgres: it finds each, and says the cure. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import pg from 'pg';
import { sizeFindings } from '../../cli/doctor/postgres-connections.ts';
import { DERIVED_VERSION } from '../../src/memory/long-term/derived-version.ts';
import { storeEmbedding } from '../../src/memory/long-term/memories.ts';
import { axis } from '../support/embeddings.ts';
import { expectFound, findings, openWard } from '../support/doctor.ts';
import { pgBouncer, startPgBouncer } from '../support/pooler.ts';
import { createTestDatabase, createTestTenant, type TestDatabase } from '../support/services.ts';

jest.setTimeout(60_000);

const ward = await openWard();
const { healthy } = ward;
afterAll(() => ward.close());

let database: TestDatabase;
beforeAll(async () => (database = await createTestDatabase()));
afterAll(() => database.drop());
const MIGRATE = /node cli\/migrate\.ts/;

test('that is away', async () => {
  const env = { ...healthy(), DATABASE_URL: 'postgres://konstruct_app:p@127.0.0.1:9/konstruct' };
  await expectFound(
    'Postgres',
    env,
    'fault',
    /DATABASE_URL leads nowhere: .*ECONNREFUSED/,
    /start Postgres.*127\.0\.0\.1:9/,
  );
});

test('that refuses the password', async () => {
  const url = Object.assign(new URL(ward.system.database.url), { password: 'other' }).href;
  await expectFound(
    'Postgres',
    { ...healthy(), DATABASE_URL: url },
    'fault',
    /password authentication failed/,
    /node cli\/migrate\.ts.*gives konstruct_app the password/,
  );
});

test('as a superuser, whom row-level security does not bind', async () => {
  const { DATABASE_ADMIN_URL: url = '' } = healthy();
  await expectFound(
    'Postgres',
    { ...healthy(), DATABASE_URL: url },
    'fault',
    /connects as postgres, whom row-level security does not bind/,
    /connect as konstruct_api/,
  );
});

test('in which nothing was migrated', async () => {
  const name = `bare_${randomUUID().replaceAll('-', '')}`;
  await ward.system.database.admin.query(`CREATE DATABASE ${name}`);
  const { DATABASE_ADMIN_URL: admin = '', ...env } = healthy();
  const bare = Object.assign(new URL(admin), { pathname: `/${name}` }).href;
  await expectFound(
    'Postgres',
    { ...env, DATABASE_ADMIN_URL: bare },
    'fault',
    /no schema of Konstruct/,
    MIGRATE,
  );
  await expectFound(
    'Postgres',
    { ...env, DATABASE_ADMIN_URL: bare },
    'fault',
    /pgvector is missing/,
    /CREATE EXTENSION/,
  );
});

/** Each is planted, found, and taken back. */
const planted: [what: string, plant: string, heal: string, found: RegExp, cure: RegExp][] = [
  [
    'a migration that has not run',
    `DELETE FROM schema_migrations WHERE name LIKE '0011%'`,
    `INSERT INTO schema_migrations (name, run_on) VALUES ('0011_export_retention_removal', now())`,
    /have not run: 0011_export_retention_removal/,
    MIGRATE,
  ],
  [
    'row-level security that its owner is free of',
    'ALTER TABLE turns NO FORCE ROW LEVEL SECURITY',
    'ALTER TABLE turns FORCE ROW LEVEL SECURITY',
    /row-level security of turns does not hold for its owner/,
    /ALTER TABLE turns ENABLE ROW LEVEL SECURITY, FORCE/,
  ],
  [
    'row-level security that is off',
    'ALTER TABLE agents DISABLE ROW LEVEL SECURITY',
    'ALTER TABLE agents ENABLE ROW LEVEL SECURITY',
    /row-level security of agents is off/,
    /ALTER TABLE agents ENABLE/,
  ],
  [
    'a right that is missing',
    'REVOKE INSERT ON conversation_embeddings FROM konstruct_worker',
    'GRANT INSERT ON conversation_embeddings TO konstruct_worker',
    /konstruct_worker may not INSERT in conversation_embeddings/,
    MIGRATE,
  ],
  [
    'a right too many',
    'GRANT DELETE ON conversation_embeddings TO konstruct_app',
    'REVOKE DELETE ON conversation_embeddings FROM konstruct_app',
    /konstruct_app may DELETE in conversation_embeddings, which it should not/,
    /REVOKE DELETE ON conversation_embeddings FROM konstruct_app/,
  ],
  [
    'pgvector out of sight',
    'CREATE SCHEMA hidden; ALTER EXTENSION vector SET SCHEMA hidden',
    'ALTER EXTENSION vector SET SCHEMA public',
    /konstruct_api does not find pgvector's types/,
    MIGRATE,
  ],
];
test.each(planted)('with %s', async (_, plant, heal, found, cure) => {
  await database.admin.query(plant);
  try {
    await expectFound('Postgres', healthy(database), 'fault', found, cure);
  } finally {
    await database.admin.query(heal);
  }
});

test('with fewer connections than the processes may hold', async () => {
  const given = (await findings(healthy(), { only: 'Postgres' })).find(({ what }) =>
    /connections/.test(what),
  );
  expect(given).toMatchObject({
    kind: 'good',
    what: 'Postgres gives 97 connections, enough for 2 APIs and 2 workers with DATABASE_CONNECTIONS=20',
  });
  const withSettings = async (settings: object, what: RegExp, cure: RegExp) =>
    expectFound('Postgres', { ...healthy(), ...settings }, 'fault', what, cure);
  await withSettings(
    { DATABASE_CONNECTIONS: '48' },
    /gives 97 connections, and one API and one worker may hold 98/,
    /lower DATABASE_CONNECTIONS, or raise max_connections/,
  );
  await withSettings(
    { DATABASE_MAX_CONNECTIONS: '200' },
    /gives 97 connections, and the processes are sized for 200/,
    /lower postgres\.maxConnections of the chart to 97/,
  );
  const { admin } = database;
  const [{ name } = { name: '' }] = (await admin.query<{ name: string }>('SELECT current_database() AS name'))
    .rows;
  await admin.query(`ALTER DATABASE ${name} CONNECTION LIMIT 41`);
  await expectFound('Postgres', healthy(database), 'fault', /gives 41 .* may hold 42/, /lower DATABASE_CONN/);
});

test('with a role that may hold fewer than one process of it', async () => {
  const client = new pg.Client({ connectionString: healthy()['DATABASE_ADMIN_URL'] });
  await client.connect();
  // Roles are the whole server's, and others are at work there: what isn't committed they don't see.
  await client.query('BEGIN');
  await client.query('ALTER ROLE konstruct_worker CONNECTION LIMIT 19');
  expect(await sizeFindings(client, {})).toContainEqual({
    kind: 'fault',
    what: 'konstruct_worker may hold 19 connections in all, and one process holds up to 20 as it',
    cure: expect.stringContaining('ALTER ROLE konstruct_worker CONNECTION LIMIT -1'),
  });
  expect(await sizeFindings(client, { DATABASE_CONNECTIONS: '19' })).toHaveLength(1);
  await client.query('ROLLBACK');
  await client.end();
});

(pgBouncer ? test : test.skip)('behind a pooler its connections are not ours to count', async () => {
  const pooler = await startPgBouncer(database.url, pgBouncer ?? '');
  try {
    const env = { DATABASE_URL: pooler.url, DATABASE_MAX_CONNECTIONS: '5000' };
    const found = await findings({ ...healthy(database), ...env }, { only: 'Postgres' });
    expect(found.filter(({ what }) => /connections/.test(what))).toEqual([]);
    expect(found.filter(({ kind }) => kind === 'fault')).toEqual([]);
  } finally {
    await pooler.stop();
  }
});

test('with memories that older code has derived', async () => {
  const { tenantId, agent } = await createTestTenant(database.pool);
  const memory = { tenantId, agentId: agent.id, userId: 'ada', role: 'user', content: 'Hello' } as const;
  await storeEmbedding(database.pool, { ...memory, embedding: axis(0) });
  expect(await findings(healthy(database), { only: 'Postgres' })).toContainEqual({
    kind: 'good',
    what: `what is derived of memories is of version ${DERIVED_VERSION}`,
  });
  await database.admin.query('UPDATE exchange_passages SET version = 0');
  await expectFound(
    'Postgres',
    healthy(database),
    'doubt',
    new RegExp(`older code has derived, of ${tenantId}: they are recalled`),
    new RegExp(`POST /v1/tenants/${tenantId}/reindex with the operator's token`),
  );
});

test('whose clock is another', async () => {
  const all = await findings(healthy(), { now: () => Date.now() + 60_000 });
  for (const service of ['Postgres', 'Redis']) {
    expect(all).toContainEqual({
      kind: 'fault',
      what: expect.stringMatching(`clocks of this machine and of ${service} are (59|60) s apart`),
      cure: expect.stringContaining('timedatectl'),
    });
  }
});
