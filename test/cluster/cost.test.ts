/**
 * What a turn costs Temporal's own server in its Postgres, by counts: times depend on the machine. Raise a
 * number only for a good reason.
 */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { eventually } from '../support/eventually.ts';
import { temporalConfig } from '../support/services.ts';
import { startSystem, type System } from '../support/system.ts';

jest.setTimeout(180_000);

const TURNS = 20;
/** Visibility lags a second. */
const WRITTEN_AFTER_MS = 3_000;
/** How each table names a namespace. */
const TABLES = { executions: `encode(NEW.namespace_id, 'hex')`, executions_visibility: 'NEW.namespace_id' };

let system: System;
let namespaceId: string;
let databases: Record<keyof typeof TABLES, pg.Pool>;
beforeAll(async () => {
  const connectionString = process.env['DATABASE_TEMPORAL_URL'];
  if (!connectionString) throw new Error('run this by npm run test:cluster');
  const visibility = Object.assign(new URL(connectionString), { pathname: '/temporal_visibility' }).href;
  databases = {
    executions: new pg.Pool({ connectionString, max: 1 }),
    executions_visibility: new pg.Pool({ connectionString: visibility, max: 1 }),
  };
  system = await startSystem();
  const { namespaceInfo } = await system.temporal.workflowService.describeNamespace({
    namespace: temporalConfig().namespace,
  });
  namespaceId = (namespaceInfo?.id ?? '').replaceAll('-', '');
  await countWrites('executions');
  await countWrites('executions_visibility');
}, 120_000);
afterAll(async () => {
  await system.stop();
  await Promise.all(Object.values(databases).map((pool) => pool.end()));
});

/** Other files write for their own namespaces at the same time, so each write is noted with its namespace. */
async function countWrites(table: keyof typeof TABLES): Promise<void> {
  await databases[table].query(`
    CREATE TABLE konstruct_writes (namespace_id text);
    CREATE FUNCTION konstruct_note() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN INSERT INTO konstruct_writes VALUES (replace(${TABLES[table]}, '-', '')); RETURN NULL; END $$;
    CREATE TRIGGER konstruct_note AFTER INSERT OR UPDATE ON ${table}
      FOR EACH ROW EXECUTE FUNCTION konstruct_note()`);
}

async function writesTo(table: keyof typeof TABLES): Promise<number> {
  const { rows } = await databases[table].query<{ n: number }>(
    'SELECT count(*)::int AS n FROM konstruct_writes WHERE namespace_id = $1',
    [namespaceId],
  );
  return rows[0]?.n ?? Number.NaN;
}

/** Each transition of a workflow writes its row once. */
async function counted(): Promise<{ transitions: number; visibilityWrites: number }> {
  await delay(WRITTEN_AFTER_MS);
  return {
    transitions: await writesTo('executions'),
    visibilityWrites: await writesTo('executions_visibility'),
  };
}

async function talk(count: number, userId: string): Promise<void> {
  for (let n = 0; n < count; n += 1) expect((await system.say(`Message ${n}.`, { userId })).status).toBe(200);
  await eventually(
    async () => {
      const { rows } = await system.database.admin.query<{ n: number }>(
        'SELECT count(*)::int AS n FROM conversation_embeddings WHERE user_id = $1',
        [userId],
      );
      return rows[0]?.n === 2 * count;
    },
    { timeoutMs: 60_000 },
  );
}

test('a turn takes no more state transitions and visibility writes than these', async () => {
  await talk(2, 'first');
  const before = await counted();
  await talk(TURNS, 'ada');
  const after = await counted();
  const perTurn = {
    transitions: (after.transitions - before.transitions) / TURNS,
    visibilityWrites: (after.visibilityWrites - before.visibilityWrites) / TURNS,
  };
  // HandleMessage and EmbedAndStore together; each is an update of its execution's row.
  expect(perTurn.transitions).toBeLessThanOrEqual(13.5);
  // Start and end of both. One that ends within a second is written once.
  expect(perTurn.visibilityWrites).toBeLessThanOrEqual(4.2);
});
