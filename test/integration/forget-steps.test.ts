/** The steps of an erasure by themselves, where Postgres ends what takes too long. */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { MockActivityEnvironment } from '@temporalio/testing';
import { createForget } from '../../src/activities/forget.ts';
import { enterErasure } from '../../src/db/erasures.ts';
import { createPool } from '../../src/db/pool.ts';
import type { InboundMessage } from '../../src/domain/conversation.ts';
import { ERASURE_CHANNEL } from '../../src/domain/erasure.ts';
import { storeEmbedding } from '../../src/memory/long-term/memories.ts';
import { NO_KEYS } from '../../src/config/index.ts';
import { lazyClient } from '../../src/temporal/connection.ts';
import { axis } from '../support/embeddings.ts';
import {
  asRole,
  connectRedis,
  createTestDatabase,
  createTestTenant,
  temporalConfig,
  type TestDatabase,
} from '../support/services.ts';

jest.setTimeout(120_000);

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

test('memories that can’t be deleted within a statement’s time go in smaller parts', async () => {
  const { pool: api, admin, url } = database;
  const { tenantId, agent } = await createTestTenant(api);
  const scope = { tenantId, agentId: agent.id, userId: 'ada' };
  for (let i = 0; i < 40; i += 1)
    await storeEmbedding(api, { ...scope, content: `memory ${i}`, role: 'user', embedding: axis(i) });
  // Each row takes a while to delete, all of them together more than a statement may take.
  await admin.query(`
    CREATE FUNCTION delete_slowly() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN PERFORM pg_sleep(0.05); RETURN OLD; END $$;
    CREATE TRIGGER slowly BEFORE DELETE ON conversation_embeddings FOR EACH ROW EXECUTE FUNCTION delete_slowly()`);
  const entry = await enterErasure(api, { ...scope, exchangeId: undefined }, { type: 'operator' });
  if (entry.outcome !== 'entered') throw new Error(entry.outcome);
  const { erasureId, seq } = entry.erasure;
  const message: InboundMessage = {
    ...{ ...scope, messageId: erasureId, seq, turnsAhead: 0, text: '' },
    channel: { name: ERASURE_CHANNEL },
    receivedAt: new Date().toISOString(),
  };
  const worker = createPool({
    databaseUrl: asRole('worker', url),
    max: 2,
    statementTimeoutMs: 1_000,
  });
  const redis = await connectRedis();
  const temporal = lazyClient(temporalConfig(), NO_KEYS);
  const { forgetMemory } = createForget({ pool: worker, redis, temporal });
  await new MockActivityEnvironment().run(forgetMemory, { message });
  const { rows } = await admin.query('SELECT FROM conversation_embeddings WHERE tenant_id = $1', [tenantId]);
  expect(rows).toEqual([]);
  const { rows: steps } = await admin.query<{ counts: { memories: number } }>(
    `SELECT counts FROM audit_entries WHERE target_id = $1 AND action = 'memory.delete'`,
    [erasureId],
  );
  expect(steps.length).toBeGreaterThan(1);
  expect(steps.reduce((sum, { counts }) => sum + counts.memories, 0)).toBe(40);
  redis.disconnect();
  await Promise.all([worker.end(), temporal.connection.close()]);
});
