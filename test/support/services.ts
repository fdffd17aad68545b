/** The services that scripts/test.ts started, and a database of its own for each test file. */
import { randomUUID } from 'node:crypto';
import { expect } from '@jest/globals';
import { Redis } from 'ioredis';
import pg from 'pg';
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
export const modelsPath = () => required('KONSTRUCT_MODELS');
export const redisUrl = () => required('REDIS_URL');
export const databaseUrl = () => required('DATABASE_URL');

export type TestDatabase = { pool: pg.Pool; admin: pg.Pool; url: string; drop(): Promise<void> };

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
  return {
    pool,
    admin,
    url,
    async drop() {
      await Promise.all([pool.end(), admin.end()]);
    },
  };
}

export async function connectRedis(): Promise<Redis> {
  const redis = new Redis(redisUrl(), { lazyConnect: true });
  await redis.connect();
  return redis;
}

export type AgentFields = Parameters<typeof createAgent>[3];

/** A tenant with an API key and one agent. */
export async function createTestTenant(
  pool: pg.Pool,
  fields: AgentFields = { name: 'Mara' },
): Promise<{ tenantId: string; apiKey: string; apiKeyId: string; agent: Agent }> {
  const { tenantId, key } = await createTenant(pool, 'Test');
  const agent = await inTenant(pool, tenantId, (client) =>
    createAgent(client, tenantId, randomUUID(), fields),
  );
  return { tenantId, apiKey: key.apiKey, apiKeyId: key.id, agent };
}

/** A scope that nobody else uses. */
export function newScope(): Scope {
  return { tenantId: randomUUID(), agentId: randomUUID(), userId: `user-${randomUUID()}` };
}
