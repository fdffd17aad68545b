/** The services that scripts/test.ts started, and a database of its own for each test file. */
import { randomUUID } from 'node:crypto';
import { expect } from '@jest/globals';
import { Redis } from 'ioredis';
import pg from 'pg';
import { encryption } from '../../src/config/encryption.ts';
import { parse } from '../../src/config/variables.ts';
import { createAgent } from '../../src/db/agents.ts';
import { createPool } from '../../src/db/pool.ts';
import { inTenant } from '../../src/db/tenant-transaction.ts';
import { createTenant } from '../../src/db/tenants.ts';
import type { Agent } from '../../src/domain/agent.ts';
import type { Scope } from '../../src/domain/conversation.ts';
import { testNamespace } from './test-namespace.ts';

function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run the tests with npm test, which starts their services`);
  return value;
}

/** Each test file has a Temporal namespace of its own, so no workflow outlives its file into another. */
export const temporalConfig = () => ({
  address: required('TEMPORAL_ADDRESS'),
  namespace: testNamespace(expect.getState().testPath ?? ''),
});
/** The key ring of the stack: tests write and read as an installation does. */
export const encryptionConfig = () => parse({ encryption }, process.env).encryption;
export const modelsPath = () => required('KONSTRUCT_MODELS');
export const redisUrl = () => required('REDIS_URL');
export const databaseUrl = () => required('DATABASE_URL');

/** The same database as another role of the service. */
const ROLES = { api: 'DATABASE_API_URL', worker: 'DATABASE_WORKER_URL', operator: 'DATABASE_OPERATOR_URL' };
export function asRole(role: keyof typeof ROLES, url: string): string {
  const { username, password } = new URL(required(ROLES[role]));
  return Object.assign(new URL(url), { username, password }).href;
}

export type TestDatabase = {
  /** As konstruct_app, which may what API and worker may together. */
  pool: pg.Pool;
  /** As konstruct_operator, which alone writes tenants and keys. */
  operator: pg.Pool;
  admin: pg.Pool;
  url: string;
  drop(): Promise<void>;
};

/** A copy of the migrated template; `pool` connects as konstruct_app with at most `max` connections. */
export async function createTestDatabase(options: { max?: number } = {}): Promise<TestDatabase> {
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  const named = (url: string, database: string) =>
    Object.assign(new URL(url), { pathname: `/${database}` }).href;
  const server = new pg.Client({ connectionString: required('DATABASE_ADMIN_URL') });
  await server.connect();
  // Two files at the same moment would each find the other connected to the template.
  await server.query('SELECT pg_advisory_lock(1)');
  await server.query(`CREATE DATABASE ${name} TEMPLATE ${required('KONSTRUCT_TEST_TEMPLATE')}`);
  await server.end();
  const url = named(databaseUrl(), name);
  const admin = new pg.Pool({ connectionString: named(required('DATABASE_ADMIN_URL'), name), max: 2 });
  const pool = createPool({ databaseUrl: url, max: options.max ?? 10, statementTimeoutMs: 10_000 });
  const operator = createPool({
    databaseUrl: asRole('operator', url),
    max: 2,
    statementTimeoutMs: 10_000,
  });
  return {
    pool,
    operator,
    admin,
    url,
    async drop() {
      await Promise.all([pool.end(), operator.end(), admin.end()]);
    },
  };
}

export async function connectRedis(): Promise<Redis> {
  const redis = new Redis(redisUrl(), { lazyConnect: true });
  await redis.connect();
  return redis;
}

export type AgentFields = Parameters<typeof createAgent>[3];

/** A tenant with an API key and one agent, in the database of `pool`; the operator's role makes it. */
export async function createTestTenant(
  pool: pg.Pool,
  fields: AgentFields = { name: 'Mara' },
  operatorUrl: string = asRole('operator', pool.options.connectionString ?? ''),
): Promise<{ tenantId: string; apiKey: string; apiKeyId: string; agent: Agent }> {
  const operator = createPool({ databaseUrl: operatorUrl, max: 1, statementTimeoutMs: 10_000 });
  const { tenantId, key } = await createTenant(operator, 'Test');
  await operator.end();
  const agent = await inTenant(pool, tenantId, (client) =>
    createAgent(client, tenantId, randomUUID(), fields),
  );
  return { tenantId, apiKey: key.apiKey, apiKeyId: key.id, agent };
}

/** A scope that nobody else uses. */
export function newScope(): Scope {
  return { tenantId: randomUUID(), agentId: randomUUID(), userId: `user-${randomUUID()}` };
}
