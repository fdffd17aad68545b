/**
 * Postgres as providers run it: an administrator who is no superuser, pgvector in a schema of its own, a
 * pooler or TLS in between.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import pg from 'pg';
import { startStack, type Stack } from '../../local/stack/index.ts';
import { migrateDatabase } from '../../src/db/migrate.ts';
import { createPool } from '../../src/db/pool.ts';
import { findApiKey } from '../../src/db/api-keys.ts';
import { nearestMessages } from '../../src/memory/long-term/nearest-messages.ts';
import { createAuthority } from '../support/certificates.ts';
import { axis, hashEmbedder } from '../support/embeddings.ts';
import { memoryOf } from '../support/memory.ts';
import { pgBouncer, startForgetfulPooler, startPgBouncer } from '../support/pooler.ts';
import { createTestTenant, redisUrl } from '../support/services.ts';
import { startTlsTerminator } from '../support/tls-terminator.ts';

let home: string;
let stack: Stack;
let superuser: pg.Client;
let redis: Redis;
beforeAll(async () => {
  home = await mkdtemp(path.join(os.tmpdir(), 'konstruct-managed-'));
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'] };
  stack = await startStack({ home, want: ['postgres'], env, ephemeral: true, log: () => undefined });
  superuser = new pg.Client({ connectionString: stack.urls.DATABASE_ADMIN_URL });
  await superuser.connect();
  await superuser.query(`CREATE ROLE provider LOGIN CREATEROLE CREATEDB PASSWORD 'p'`);
  await superuser.query(`CREATE ROLE stranger LOGIN CREATEROLE CREATEDB PASSWORD 'p'`);
  redis = new Redis(redisUrl());
}, 60_000);
afterAll(async () => {
  redis.disconnect();
  await superuser.end();
  await stack.stop();
  await rm(home, { recursive: true, force: true });
});

const urlOf = (database: string, user: string, password: string) =>
  Object.assign(new URL(stack.urls.DATABASE_URL ?? ''), {
    ...{ pathname: `/${database}`, username: user, password },
  }).href;
const appUrl = (database: string) => urlOf(database, 'konstruct_app', 'app');
const operatorUrl = (database: string) => urlOf(database, 'konstruct_operator', 'op');
const migrateAs = (user: string, database: string) =>
  migrateDatabase({
    databaseAdminUrl: urlOf(database, user, 'p'),
    serviceUrls: [appUrl(database), operatorUrl(database)],
  });

/** Creates a database as a provider hands it out. */
async function createDatabase(name: string, { pgvectorIn }: { pgvectorIn?: string } = {}): Promise<void> {
  await superuser.query(`CREATE DATABASE ${name} OWNER provider`);
  if (!pgvectorIn) return;
  const inside = new pg.Client({
    connectionString: urlOf(name, 'postgres', new URL(stack.urls.DATABASE_ADMIN_URL ?? '').password),
  });
  await inside.connect();
  await inside.query(`CREATE SCHEMA IF NOT EXISTS ${pgvectorIn}`);
  // As the owner of the database the provider's role has the schema public already.
  if (pgvectorIn !== 'public')
    await inside.query(`GRANT ALL ON SCHEMA ${pgvectorIn} TO provider WITH GRANT OPTION`);
  await inside.query(`CREATE EXTENSION vector SCHEMA ${pgvectorIn}`);
  await inside.end();
}

/** Writes and reads as the service does: a tenant, its key, an exchange, recall of both kinds. */
async function useDatabase(pool: pg.Pool, name = 'managed_extensions'): Promise<void> {
  const embedder = hashEmbedder();
  const { tenantId, apiKey, agent } = await createTestTenant(pool, { name: 'Mara' }, operatorUrl(name));
  expect(await findApiKey(pool, apiKey)).toMatchObject({ tenantId, role: 'admin' });
  const scope = { tenantId, agentId: agent.id, userId: 'ada' };
  const memory = memoryOf({ pool, redis, embedder }, scope);
  await memory.tell({ user: 'My dog is called Rex' }, { user: 'I live in Lisbon' });
  const asked = await Promise.all(Array.from({ length: 8 }, () => memory.ask('My dog is called Rex')));
  for (const { found } of asked) expect(found[0]).toBe('My dog is called Rex');
  for (const exactUpTo of [0, 10]) {
    const nearest = await nearestMessages(pool, scope, axis(0), { topK: 9, threshold: -1, exactUpTo });
    expect(nearest).toHaveLength(4);
  }
  // Without a tenant there are no rows.
  expect((await pool.query('SELECT 1 FROM conversation_embeddings')).rows).toEqual([]);
}

const withPool = async (databaseUrl: string, work: (pool: pg.Pool) => Promise<void>) => {
  const pool = createPool({ databaseUrl, max: 8, statementTimeoutMs: 5_000 });
  try {
    await work(pool);
  } finally {
    await pool.end();
  }
};

describe('an administrator without superuser', () => {
  test.each(['public', 'extensions'])('migrates with pgvector in %s, again and at once', async (schema) => {
    const name = `managed_${schema}`;
    await createDatabase(name, { pgvectorIn: schema });
    await Promise.all([migrateAs('provider', name), migrateAs('provider', name)]);
    await migrateAs('provider', name);
    await withPool(appUrl(name), (pool) => useDatabase(pool, name));
    const role = await superuser.query<Record<string, unknown>>(`
      SELECT rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb AS powerful,
             (SELECT count(*)::int FROM pg_auth_members WHERE member = pg_roles.oid) AS member_of
      FROM pg_roles WHERE rolname IN ('konstruct_app', 'konstruct_api', 'konstruct_worker', 'konstruct_operator')`);
    expect(role.rows).toEqual(Array.from({ length: 4 }, () => ({ powerful: false, member_of: 0 })));
  });

  test('reads what to run when pgvector is missing', async () => {
    await createDatabase('bare');
    await expect(migrateAs('provider', 'bare')).rejects.toThrow(/run CREATE EXTENSION vector .* superuser/);
  });

  test('reads what to run when another one made the roles, or owns the database', async () => {
    await createDatabase('foreign_roles', { pgvectorIn: 'public' });
    await superuser.query('ALTER DATABASE foreign_roles OWNER TO stranger');
    await expect(migrateAs('stranger', 'foreign_roles')).rejects.toThrow(
      /another administrator: .* run GRANT konstruct_owner, konstruct_keys, konstruct_eraser TO "stranger" WITH SET TRUE/,
    );
    await expect(migrateAs('provider', 'foreign_roles')).rejects.toThrow(
      /must own the database: .* run GRANT ALL/,
    );
  });
});

describe('between the service and Postgres', () => {
  test('a pooler that refuses parameters and forgets statements', async () => {
    const pooler = await startForgetfulPooler(appUrl('managed_extensions'));
    const refused = new pg.Client({ connectionString: pooler.url, options: '-c geqo=off' });
    await expect(refused.connect()).rejects.toThrow('unsupported startup parameter: options');
    await withPool(pooler.url, (pool) => useDatabase(pool));
    await pooler.stop();
  });

  (pgBouncer ? test : test.skip)('PgBouncer in transaction mode', async () => {
    const pooler = await startPgBouncer(appUrl('managed_extensions'), pgBouncer ?? '');
    try {
      await withPool(pooler.url, async (pool) => {
        for (let i = 0; i < 3; i += 1) await useDatabase(pool);
      });
    } finally {
      await pooler.stop();
    }
  });

  test('TLS, with the authority that the URL names and no other', async () => {
    const authority = createAuthority('Authority of the tests');
    const ca = path.join(home, 'ca.pem');
    await writeFile(ca, authority.cert);
    const { hostname, port } = new URL(stack.urls.DATABASE_URL ?? '');
    const tls = await startTlsTerminator({
      to: { host: hostname, port: Number(port) },
      certificate: authority.issue('localhost'),
      asked: true,
    });
    const over = (query: string) => {
      const url = new URL(appUrl('managed_extensions'));
      url.host = `localhost:${tls.port}`;
      return `${url.href}?${query}`;
    };
    const trusting = over(`sslmode=verify-full&sslrootcert=${ca}`);
    await withPool(trusting, (pool) => useDatabase(pool));
    await migrateDatabase({
      databaseAdminUrl: Object.assign(new URL(trusting), { username: 'provider', password: 'p' }).href,
      serviceUrls: [trusting],
    });
    await withPool(over('sslmode=verify-full'), async (pool) => {
      await expect(pool.query('SELECT 1')).rejects.toThrow(/certificate/);
    });
    await tls.stop();
  });
});
