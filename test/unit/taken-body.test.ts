/** Whoever waits for a reply may wait for minutes: meanwhile the body of the request is held by nobody. */
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { Client } from '@temporalio/client';
import express, { type Request, type Router } from 'express';
import type pg from 'pg';
import { pino } from 'pino';
import { createAcceptHttp, type AcceptHttp } from '../../src/api/accept-http.ts';
import { admitKeys } from '../../src/api/admission.ts';
import { requireTenant } from '../../src/api/auth.ts';
import { TENANT_CALLS } from '../../src/api/calls.ts';
import { MOST_OF_A_COMPLETION } from '../../src/api/openai/request.ts';
import { notFound, problemHandler } from '../../src/api/problems.ts';
import { createReadJson } from '../../src/api/read-json.ts';
import { messageRoutes } from '../../src/api/routes/messages.ts';
import { openAiRoutes } from '../../src/api/routes/openai.ts';
import { neededOf } from '../../src/api/mcp/needed.ts';
import type { TOOLS } from '../../src/api/mcp/tools.ts';
import { createHttp } from '../../src/channels/http/index.ts';
import type { FoundApiKey } from '../../src/db/api-keys.ts';
import { createLongWork } from '../../src/lib/long-work.ts';
import { createShares } from '../../src/lib/shares.ts';
import { heapBytes, stillToCome } from '../support/heap.ts';
import { serve, type HttpServer } from '../support/http-server.ts';

const ID = '00000000-0000-4000-8000-000000000000';
const KEY: FoundApiKey = { id: 'key', firstId: 'key', tenantId: ID, name: '', role: 'admin' };

let server: HttpServer | undefined;
afterEach(() => server?.close());

/** Sends a body, and gives what the request and the handler have of it when the message is taken in. */
async function heldAtIntake(path: string, body: object, routes: (acceptHttp: AcceptHttp) => Router) {
  let asked: Request | undefined;
  let held: { byRequest: unknown; taken: unknown } | undefined;
  const acceptHttp: AcceptHttp = async (_key, message) => {
    await turn();
    held = { byRequest: asked?.body, taken: message.body };
    throw notFound('agent');
  };
  const app = express();
  app.use((req, _res, next) => {
    asked = req;
    next();
  });
  app.use(requireTenant({ findKey: async () => KEY, takePlace: () => undefined }));
  const pool = {} as unknown as pg.Pool;
  admitKeys(app, TENANT_CALLS, { pool, admit: async () => undefined });
  app.use(createReadJson(createLongWork())(100_000, MOST_OF_A_COMPLETION));
  app.use(routes(acceptHttp), problemHandler(pino({ level: 'silent' })));
  server = await serve(app);
  const headers = {
    ...{ authorization: `Bearer konstruct_${'0'.repeat(43)}`, 'content-type': 'application/json' },
  };
  const { status } = await fetch(server.url + path, { method: 'POST', headers, body: JSON.stringify(body) });
  expect(status).toBe(404);
  return held;
}

const LONG = 'x'.repeat(50_000);
const shared = {
  ...{ temporal: {} as unknown as Client, waiting: createShares(1), closing: new AbortController().signal },
  log: pino({ level: 'silent' }),
};

test('a message', async () => {
  const body = { userId: 'ada', text: 'Hello', unknown: LONG };
  const held = await heldAtIntake(`/agents/${ID}/messages`, body, (acceptHttp) =>
    messageRoutes({ ...shared, acceptHttp } as unknown as Parameters<typeof messageRoutes>[0]),
  );
  expect(held).toEqual({ byRequest: undefined, taken: body });
});

test('a whole conversation of which one message is read', async () => {
  // Finds whatever agent is asked for.
  const client = {
    query: async () => ({ rows: [{ id: ID, tenant_id: ID, settings: {} }] }),
    ...{ on: () => undefined, off: () => undefined, release: () => undefined },
  };
  const pool = { connect: async () => client };
  const messages = [
    { role: 'assistant', content: LONG },
    { role: 'user', content: 'Hello' },
  ];
  const held = await heldAtIntake('/chat/completions', { model: ID, user: 'ada', messages }, (acceptHttp) =>
    openAiRoutes({ ...shared, pool, acceptHttp } as unknown as Parameters<typeof openAiRoutes>[0]),
  );
  expect(held).toEqual({ byRequest: undefined, taken: { userId: 'ada', text: 'Hello' } });
});

test.each([
  ['short', { unknown: 'x' }],
  ['long', { unknown: LONG }],
])('whatever is sent with a call that waits and takes no body, %s', async (_, body) => {
  let held: unknown = 'nothing was asked';
  const app = express();
  app.use(createReadJson(createLongWork())(100_000), async (req, res) => {
    await turn();
    held = req.body;
    res.end();
  });
  server = await serve(app);
  const headers = { 'content-type': 'application/json' };
  await fetch(server.url, { method: 'DELETE', headers, body: JSON.stringify(body) });
  expect(held).toBeUndefined();
});

test('what comes with a message, while it is taken in', async () => {
  let taken: unknown;
  const acceptHttp = createAcceptHttp({
    http: createHttp([]),
    accept(message) {
      taken = message;
      return stillToCome();
    },
  });
  const send = (): WeakRef<object> => {
    const body = { userId: 'ada', text: 'Hello', unknown: LONG };
    void acceptHttp(KEY, { agentId: ID, body, idempotencyKey: undefined });
    return new WeakRef(body);
  };
  const sent = send();
  await heapBytes();
  expect(taken).toMatchObject({ userId: 'ada', text: 'Hello' });
  expect(sent.deref()).toBeUndefined();
});

/** A letter of two bytes makes each of a text take two. */
const LONG_FIELDS = { ascii: LONG, 'of two bytes': 'ж'.repeat(50_000) };
const OWN_FIELDS: Record<keyof typeof TOOLS, Record<string, string>> = {
  search_memory: { query: 'Where?' },
  list_memories: { cursor: 'next' },
  forget_memory: { exchangeId: ID },
  send_message: { text: 'Hello' },
};
const CALL = { jsonrpc: '2.0', id: 1, method: 'tools/call' };

describe.each(Object.entries(LONG_FIELDS))('a message of the protocol with a long text, %s', (_, long) => {
  test.each(Object.keys(OWN_FIELDS))('that calls %s, with what other tools take', (name) => {
    const others = Object.values(OWN_FIELDS).flatMap((fields) => Object.keys(fields));
    const own = { agentId: ID, userId: 'ada', ...OWN_FIELDS[name as keyof typeof TOOLS] };
    const given = { ...Object.fromEntries([...others, 'unknown'].map((field) => [field, long])), ...own };
    const more = { task: { long }, _meta: { progressToken: long, long } };
    const asked = neededOf({ ...CALL, long, params: { name, arguments: given, ...more } });
    expect(asked).toEqual({
      message: { ...CALL, params: { name } },
      call: { name, read: { kind: 'ready', run: expect.any(Function) } },
    });
  });

  test.each([
    ['initialize', { protocolVersion: long, capabilities: { long }, clientInfo: { name: long } }],
    ['initialize', { protocolVersion: '2025-06-18', _meta: { progressToken: long } }],
    ['ping', { long }],
    ['tools/list', { cursor: long }],
    ['notifications/cancelled', { requestId: 1, reason: long }],
    [long, {}],
    ['tools/call', { name: long, arguments: { text: long } }],
    ['tools/call', { name: { long } }],
    ['tools/call', { name: 'send_message', arguments: { text: 7, query: long } }],
    ['tools/call', { name: 'send_message', arguments: long }],
    ['tools/call', long],
  ])('that says something else, %#', (method, params) => {
    const asked = neededOf({ jsonrpc: '2.0', id: 1, method, params, result: long });
    expect(JSON.stringify(asked).length).toBeLessThan(700);
  });

  test('that has an id which is too long, or is none', () => {
    expect(neededOf({ ...CALL, id: long })).toBeUndefined();
    for (const none of [long, { ...CALL, id: { long } }, { jsonrpc: long }, { jsonrpc: '2.0', result: long }])
      expect(neededOf(none)).toEqual({ message: {}, call: undefined });
  });
});
