/** What tenants look up takes a bounded part of the database and of the process, and others come in. */
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import type { Client } from '@temporalio/client';
import express, { type Router } from 'express';
import { pino } from 'pino';
import { admitKeys } from '../../src/api/admission.ts';
import { requireTenant } from '../../src/api/auth.ts';
import { TENANT_CALLS } from '../../src/api/calls.ts';
import { problemHandler } from '../../src/api/problems.ts';
import { storyRoutes } from '../../src/api/routes/story.ts';
import { turnRoutes } from '../../src/api/routes/turns.ts';
import { findKeyByHash } from '../../src/db/api-keys.ts';
import { enterTurn } from '../../src/db/ledger.ts';
import { eventually } from '../support/eventually.ts';
import { serve, type HttpServer } from '../support/http-server.ts';
import {
  createTestDatabase,
  createTestTenant,
  encryptionConfig,
  type TestDatabase,
} from '../support/services.ts';

jest.setTimeout(60_000);

let database: TestDatabase;
let loud: Awaited<ReturnType<typeof createTestTenant>>;
let quiet: typeof loud;
let server: HttpServer | undefined;
beforeAll(async () => {
  database = await createTestDatabase({ max: 20 });
  [loud, quiet] = [await createTestTenant(database.pool), await createTestTenant(database.pool)];
});
afterEach(() => server?.close());
afterAll(() => database.drop());

/** Serves routes behind keys, without any other bound. */
async function serveRoutes(routes: Router): Promise<(path: string, of: typeof loud) => Promise<number>> {
  const { pool } = database;
  const app = express();
  app.use(requireTenant({ findKey: (hash) => findKeyByHash(pool, hash), takePlace: () => undefined }));
  admitKeys(app, TENANT_CALLS, { pool, admit: async () => undefined });
  app.use(routes, problemHandler(pino({ level: 'silent' })));
  const { url } = (server = await serve(app));
  return async (path, { apiKey }) =>
    (await fetch(url + path, { headers: { authorization: `Bearer ${apiKey}` } })).status;
}

const closing = new AbortController().signal;

test('lists that look through many rows, and overviews: four of a tenant at once, and others find a place', async () => {
  const temporal = {
    options: { namespace: 'none' },
    withDeadline: (_at: number, ask: () => Promise<unknown>) => ask(),
    workflowService: {
      listWorkflowExecutions: async () => ({ executions: [], nextPageToken: new Uint8Array() }),
    },
  } as unknown as Client;
  const get = await serveRoutes(turnRoutes({ pool: database.pool, temporal, channelNames: [], closing }));
  const held = await database.admin.connect();
  await held.query('BEGIN; LOCK TABLE turns IN ACCESS EXCLUSIVE MODE');
  const reading = async (): Promise<number> => {
    const { rows } = await database.admin.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM pg_locks WHERE NOT granted AND relation = 'turns'::regclass`,
    );
    return rows[0]?.n ?? 0;
  };
  const paths = ['/turns?state=done', '/overview', `/agents/${loud.agent.id}/users`];
  const asked = Array.from({ length: 12 }, (_, i) => get(paths[i % 3] ?? '', loud));
  await eventually(async () => (await reading()) === 4);
  asked.push(get('/turns?state=done', quiet));
  await eventually(async () => (await reading()) === 5);
  held.release(true);
  expect(await Promise.all(asked)).toEqual(Array<number>(13).fill(200));
});

test('stories: two of a tenant are put together at once, and others find a place', async () => {
  const held = Promise.withResolvers<undefined>();
  const fetched: string[] = [];
  const temporal = {
    options: { namespace: 'none' },
    withDeadline: (_at: number, ask: () => Promise<unknown>) => ask(),
    workflowService: {
      async getWorkflowExecutionHistory({ execution }: { execution: { workflowId: string } }) {
        fetched.push(execution.workflowId);
        await held.promise;
        throw Object.assign(new Error('not found'), { code: 5, details: '', metadata: {} });
      },
    },
  } as unknown as Client;
  const { pool } = database;
  const get = await serveRoutes(storyRoutes({ pool, temporal, encryption: encryptionConfig(), closing }));
  const pathOfTurn = async ({ tenantId, agent }: typeof loud): Promise<string> => {
    const message = { tenantId, agentId: agent.id, userId: 'ada', text: 'Hello', threadId: undefined };
    const entered = await enterTurn(pool, { ...message, dedupeKey: randomUUID() });
    if (!('turn' in entered)) throw new Error(entered.outcome);
    return `/messages/${entered.turn.messageId}/story`;
  };
  const [ofLoud, ofQuiet] = [await pathOfTurn(loud), await pathOfTurn(quiet)];
  const fetchedOf = ({ tenantId }: typeof loud) => fetched.filter((id) => id.startsWith(tenantId)).length;
  const asked = Array.from({ length: 8 }, () => get(ofLoud, loud));
  // Each of two: the turn, and how it was stored.
  await eventually(() => fetchedOf(loud) === 4);
  asked.push(get(ofQuiet, quiet));
  await eventually(() => fetchedOf(quiet) === 2);
  expect(fetchedOf(loud)).toBe(4);
  held.resolve(undefined);
  expect(await Promise.all(asked)).toEqual(Array<number>(9).fill(404));
  expect(fetchedOf(loud)).toBe(16);
});

test('turns of a rare state are read from an index of their own, however long the ledger', async () => {
  const client = await database.admin.connect();
  try {
    await client.query('BEGIN');
    await client.query(
      `INSERT INTO turns (tenant_id, message_id, agent_id, user_id, seq, dedupe_key, body_hash, workflow_id, state)
       SELECT $1, gen_random_uuid(), $2, 'u', 1000 + i, 'many ' || i, '', 'w', 'done'
       FROM generate_series(1, 5000) i`,
      [quiet.tenantId, quiet.agent.id],
    );
    await client.query('ANALYZE turns');
    for (const [state, index] of [
      ['refused', 'turns_refused'],
      ['accepted', 'turns_under_way'],
      ['failed', 'turns_in_trouble'],
    ]) {
      const { rows } = await client.query<{ 'QUERY PLAN': string }>(
        `EXPLAIN ANALYZE SELECT * FROM turns
         WHERE tenant_id = '${quiet.tenantId}' AND (received_at, message_id) < ('infinity', '${randomUUID()}')
           AND kind = 'message' AND state = '${state}'
         ORDER BY received_at DESC, message_id DESC LIMIT 51`,
      );
      const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
      expect(plan).toContain(`using ${index} `);
      expect(plan).not.toContain('Removed by Filter');
    }
  } finally {
    await client.query('ROLLBACK');
    client.release();
  }
});
