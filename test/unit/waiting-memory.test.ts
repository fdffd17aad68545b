/** What a process keeps of each message that somebody waits for the reply to. */
import { afterEach, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Client } from '@temporalio/client';
import express from 'express';
import type pg from 'pg';
import { pino } from 'pino';
import { admitKeys } from '../../src/api/admission.ts';
import { requireTenant } from '../../src/api/auth.ts';
import { TENANT_CALLS } from '../../src/api/calls.ts';
import { mcpRoutes } from '../../src/api/routes/mcp.ts';
import { openAiRoutes } from '../../src/api/routes/openai.ts';
import { createReadJson } from '../../src/api/read-json.ts';
import type { FoundApiKey } from '../../src/db/api-keys.ts';
import { createLongWork } from '../../src/lib/long-work.ts';
import { createShares } from '../../src/lib/shares.ts';
import { eventually } from '../support/eventually.ts';
import { heapBytes, stillToCome } from '../support/heap.ts';
import { serve, type HttpServer } from '../support/http-server.ts';

const ID = '00000000-0000-4000-8000-000000000000';
const WAITING = 40;
/** The longest text, with letters of two bytes. */
const TEXT = 'ж'.repeat(32_000);

let server: HttpServer | undefined;
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await server?.close();
});

/** Whoever asks finds its agent there, and its message taken in; its reply never comes. */
async function startDoors(): Promise<{ taken: () => number }> {
  let taken = 0;
  const key: FoundApiKey = { id: 'key', firstId: 'key', tenantId: ID, name: '', role: 'admin' };
  const client = {
    query: async () => ({ rows: [{ id: ID, tenant_id: ID, settings: {} }] }),
    ...{ on: () => undefined, off: () => undefined, release: () => undefined },
  };
  const temporal = {
    options: { namespace: 'default' },
    ...{ withDeadline: stillToCome, connection: { withAbortSignal: stillToCome } },
    workflow: { getHandle: () => ({ cancel: stillToCome }) },
  };
  const dependencies = {
    ...{ findKey: async () => key, takePlace: () => undefined },
    ...{ countRead: async () => undefined, paceRead: async () => undefined, admit: async () => undefined },
    ...{ waiting: createShares(500), closing: new AbortController().signal, log: pino({ level: 'silent' }) },
    pool: { connect: async () => client } as unknown as pg.Pool,
    redis: { xRange: stillToCome, xrange: stillToCome },
    temporal: temporal as unknown as Client,
    readJson: createReadJson(createLongWork()),
    isOutage: async () => false,
    acceptHttp: async () => {
      taken += 1;
      return { messageId: ID, workflowId: `turn-${taken}`, state: 'accepted' };
    },
  } as unknown as Parameters<typeof mcpRoutes>[0] & Parameters<typeof openAiRoutes>[0];
  const app = express();
  app.use('/mcp', mcpRoutes(dependencies));
  app.use(requireTenant(dependencies));
  admitKeys(app, TENANT_CALLS, dependencies);
  app.use(dependencies.readJson(2_000_000), openAiRoutes(dependencies));
  server = await serve(app);
  return { taken: () => taken };
}

async function send(path: string, body: Buffer): Promise<void> {
  const { hostname, port } = new URL(server?.url ?? '');
  const socket = connect(Number(port), hostname);
  sockets.push(socket);
  await once(socket, 'connect');
  const headers = [
    ...[`POST ${path} HTTP/1.1`, 'Host: a', `Authorization: Bearer konstruct_${'0'.repeat(43)}`],
    ...['Content-Type: application/json', 'Accept: application/json, text/event-stream'],
    `Content-Length: ${body.length}`,
  ];
  socket.write(`${headers.join('\r\n')}\r\n\r\n`);
  socket.write(body);
}

/** Bytes that one waiting request holds, by the mean of some. */
async function heldByEach(path: string, body: object): Promise<number> {
  const { taken } = await startDoors();
  const bytes = Buffer.from(JSON.stringify(body));
  const wait = async (count: number): Promise<number> => {
    const before = taken();
    for (let nth = 0; nth < count; nth += 1) await send(path, bytes);
    await eventually(() => taken() === before + count);
    return heapBytes();
  };
  const before = await wait(10);
  return ((await wait(WAITING)) - before) / WAITING;
}

const message = (fields: object) => ({
  ...{ jsonrpc: '2.0', id: 1, method: 'tools/call' },
  params: { name: 'send_message', arguments: { agentId: ID, userId: 'ada', ...fields } },
});
const conversation = (content: string, stream: boolean) => ({
  ...{ model: ID, user: 'ada', stream },
  messages: [{ role: 'user', content }],
});

test.each([
  ['/chat/completions', conversation('Hello', false), conversation(TEXT, false)],
  ['/chat/completions', conversation('Hello', true), conversation(TEXT, true)],
  ['/mcp', message({ text: 'Hello' }), message({ text: TEXT })],
  ['/mcp', message({ text: 'Hello' }), message({ text: 'Hello', query: TEXT.repeat(5) })],
])('%s: a long message that is waited for takes as much as a short one', async (path, short, long) => {
  const [least, most] = [await heldByEach(path, short), await heldByEach(path, long)];
  expect(most - least).toBeLessThan(15_000);
});
