/** What asks Temporal how something is: by what, and how many at a time. */
import { afterEach, expect, test } from '@jest/globals';
import { setImmediate as turn } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import express from 'express';
import type pg from 'pg';
import { pino } from 'pino';
import { admitKeys } from '../../src/api/admission.ts';
import { requireTenant } from '../../src/api/auth.ts';
import { TENANT_CALLS } from '../../src/api/calls.ts';
import { memoryTransferRoutes } from '../../src/api/routes/memory-transfer.ts';
import type { FoundApiKey } from '../../src/db/api-keys.ts';
import type { LedgerTurn } from '../../src/db/ledger.ts';
import { followReply } from '../../src/intake/follow-reply.ts';
import { outcomeOf } from '../../src/intake/message-outcome.ts';
import { createFairPlaces } from '../../src/lib/fair-places.ts';
import { eventually } from '../support/eventually.ts';
import { serve, type HttpServer } from '../support/http-server.ts';

const ID = '00000000-0000-4000-8000-000000000000';
const TURN = { messageId: ID, workflowId: 'turn', state: 'accepted' } as LedgerTurn;

let server: HttpServer | undefined;
afterEach(() => server?.close());

/** A Temporal whose workflows run. Whatever is asked is counted, and answered once `answer` is called. */
function startTemporal() {
  const asked: Array<() => void> = [];
  const ask = (answer: unknown) =>
    new Promise((resolve) => {
      asked.push(() => resolve(answer));
    });
  const temporal = {
    options: { namespace: 'default' },
    withDeadline: (_until: number, work: () => Promise<unknown>) => work(),
    workflowService: { describeWorkflowExecution: () => ask({ workflowExecutionInfo: { status: 1 } }) },
    workflow: {
      start: () => ask({}),
      getHandle: () => ({ describe: () => Promise.reject(new Error('a memo that nobody can read')) }),
    },
  };
  return { temporal: temporal as unknown as Client, asked };
}

test('how a message is, without reading the memos of its workflow', async () => {
  const { temporal, asked } = startTemporal();
  const outcome = outcomeOf({ pool: {} as unknown as pg.Pool, temporal }, ID, TURN, { waitMs: 0 });
  asked[0]?.();
  expect(await outcome).toEqual({ state: 'accepted' });
});

test('whoever comes back to a stream looks when there is a place', async () => {
  const { temporal, asked } = startTemporal();
  const [looking, left] = [createFairPlaces(2), new AbortController()];
  const dependencies = { temporal, looking, waiting: { heldBy: () => 1 }, pool: {}, redis: {} };
  const streams = Array.from({ length: 5 }, () =>
    followReply(dependencies as never, ID, TURN, {
      from: { length: 1, digest: 'x' },
      signal: left.signal,
    }).next(),
  );
  await turn();
  expect(asked).toHaveLength(2);
  left.abort();
  for (const answer of asked) answer();
  expect(await Promise.all(streams)).toEqual(Array(5).fill({ done: true, value: undefined }));
});

test('an import that is looked up is started when there is a place', async () => {
  const { temporal, asked } = startTemporal();
  const key: FoundApiKey = { id: 'key', firstId: 'key', tenantId: ID, name: '', role: 'admin' };
  const found = { exchanges: 1, stored: 0, finishedAt: null, failed: false };
  const client = {
    query: async () => ({ rows: [found] }),
    ...{ on: () => undefined, off: () => undefined, release: () => undefined },
  };
  const pool = { connect: async () => client, query: client.query } as unknown as pg.Pool;
  const dependencies = {
    ...{ pool, temporal, looking: createFairPlaces(2), closing: new AbortController().signal },
    log: pino({ level: 'silent' }),
  };
  const app = express();
  app.use(requireTenant({ findKey: async () => key, takePlace: () => undefined }));
  admitKeys(app, TENANT_CALLS, { pool, admit: async () => undefined });
  app.use(memoryTransferRoutes(dependencies as unknown as Parameters<typeof memoryTransferRoutes>[0]));
  const { url } = (server = await serve(app));
  const headers = { authorization: `Bearer konstruct_${'0'.repeat(43)}` };
  const reading = Array.from({ length: 5 }, () => fetch(`${url}/imports/${ID}`, { headers }));
  await eventually(() => asked.length === 2);
  await turn();
  expect(asked).toHaveLength(2);
  for (let nth = 0; nth < 5; nth += 1) {
    await eventually(() => asked.length > nth);
    asked[nth]?.();
  }
  expect((await Promise.all(reading)).map(({ status }) => status)).toEqual(Array(5).fill(200));
});
