/** A Postgres that answers and can't do the work: messages come again, and none counts. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Client } from '@temporalio/client';
import pg from 'pg';
import { pino } from 'pino';
import { createReadiness } from '../../src/api/readiness.ts';
import { createPool } from '../../src/db/pool.ts';
import { createAcceptMessage } from '../../src/intake/accept-message.ts';
import { createPace } from '../../src/intake/pace.ts';
import type { RedisClient } from '../../src/redis/connection.ts';
import { DEFAULT_LIMITS } from '../support/accepted-message.ts';
import {
  asRole,
  createTestDatabase,
  createTestTenant,
  encryptionConfig,
  newScope,
  type TestDatabase,
} from '../support/services.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const temporal = {
  options: { namespace: 'default' },
  workflowService: { describeWorkflowExecution: async () => ({}) },
} as unknown as Client;
const redis = {} as unknown as RedisClient;

async function withPool<T>(use: (pool: pg.Pool) => Promise<T>, { query = '' } = {}): Promise<T> {
  const databaseUrl = `${asRole('api', database.url)}${query}`;
  const pool = createPool({ databaseUrl, max: 2, statementTimeoutMs: 5_000 });
  try {
    return await use(pool);
  } finally {
    await pool.end();
  }
}
const ONLY_READS = { query: '?options=-c%20default_transaction_read_only%3Don' };

const isOutage = (pool: pg.Pool) =>
  createReadiness({ pool, redis, temporal, log: pino({ level: 'silent' }) }).isOutage();

/** What becomes of a message, and how often it has counted in the end. */
async function accept(pool: pg.Pool, scope: { tenantId: string; agentId: string; userId: string }) {
  let counted = 0;
  const rateLimiter = {
    count: async () => void (counted += 1),
    uncount: async () => void (counted -= 1),
    countRead: async () => undefined,
  };
  const encryption = encryptionConfig();
  const stores = { pool, temporal, redis, encryption, rateLimiter };
  const take = createAcceptMessage({ ...stores, limits: DEFAULT_LIMITS, pace: createPace() });
  const rest = { channel: { name: 'http' } as const, threadId: undefined, dedupeKey: undefined };
  const outcome = await take({ ...scope, text: 'hello', ...rest }).catch((error: unknown) => error);
  await new Promise((resolve) => setImmediate(resolve));
  return { outcome, counted };
}

test('the API’s probe writes nothing, and holds where intake does', async () => {
  await createTestTenant(database.pool);
  expect(await withPool(isOutage)).toBe(false);
  const { rows } = await database.admin.query('SELECT count(*)::int AS turns FROM turns');
  expect(rows).toEqual([{ turns: 0 }]);
});

test('a server that only reads is an outage, and its messages come again and don’t count', async () => {
  const { tenantId, agent } = await createTestTenant(database.pool);
  const scope = { tenantId, agentId: agent.id, userId: 'ada' };
  expect(await withPool(isOutage, ONLY_READS)).toBe(true);
  expect(await withPool((pool) => accept(pool, scope), ONLY_READS)).toEqual({
    outcome: { kind: 'unavailable', service: 'The database', isProven: true },
    counted: 0,
  });
});

test('a table of intake’s that can’t be written is an outage', async () => {
  const { admin } = database;
  await admin.query('ALTER TABLE turns RENAME TO turns_away');
  try {
    expect(await withPool(isOutage)).toBe(true);
  } finally {
    await admin.query('ALTER TABLE turns_away RENAME TO turns');
  }
});

test('a table of intake’s that somebody holds is an outage, and leaves no probe waiting in Postgres', async () => {
  const { admin } = database;
  const holder = await admin.connect();
  await holder.query('BEGIN; LOCK TABLE turns');
  try {
    await withPool(async (pool) => {
      expect(await isOutage(pool)).toBe(true);
      expect(await isOutage(pool)).toBe(true);
      const { rows } = await admin.query(
        `SELECT count(*)::int AS waiting FROM pg_stat_activity
         WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
      expect(rows).toEqual([{ waiting: 0 }]);
    });
  } finally {
    await holder.query('ROLLBACK');
    holder.release();
  }
});

test('what fails for an error of ours rejects, and doesn’t count either', async () => {
  const { outcome, counted } = await withPool((pool) => accept(pool, { ...newScope(), tenantId: 'no id' }));
  expect([outcome, counted]).toEqual([expect.any(TypeError), 0]);
});
