/** Bodies are parsed in turns: however many are sent at once, they hold nobody up. */
import { once } from 'node:events';
import { Agent, request, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, describe, expect, test } from '@jest/globals';
import express from 'express';
import { pino } from 'pino';
import { requireTenant } from '../../src/api/auth.ts';
import { problemHandler } from '../../src/api/problems.ts';
import { createReadJson, wasLarge } from '../../src/api/read-json.ts';
import { createLongWork } from '../../src/lib/long-work.ts';
import { serve, type HttpServer } from '../support/http-server.ts';

let server: HttpServer | undefined;
afterEach(() => server?.close());

/** Whose key it is stands in its first letters. */
const authorization = (tenant: string) => `Bearer konstruct_${tenant.padEnd(43, '0')}`;

/** Serves a call that takes a body; `taken` is called with each as the handler gets it. */
async function start(taken: (body: unknown, isLarge: boolean) => void, waitingBytes?: number): Promise<void> {
  const app = express();
  const tenants = new Map(['loud', 'quiet'].map((of) => [authorization(of), of]));
  app.use((req, res, next) => {
    const tenantId = tenants.get(req.get('authorization') ?? '') ?? '';
    const key = { id: 'key', firstId: 'key', tenantId, name: '', role: 'admin' as const };
    return requireTenant({ findKey: async () => key, takePlace: () => undefined })(req, res, next);
  });
  const readJson = createReadJson(createLongWork(), waitingBytes);
  // One for a call, and one for all.
  app.post('/', readJson(1_000_000), readJson(10), (req, res) => {
    taken(req.body, wasLarge(res));
    res.json({});
  });
  app.use(problemHandler(pino({ level: 'silent' })));
  server = await serve(app);
}

const agent = new Agent({ keepAlive: true });
afterAll(() => agent.destroy());

async function send(body: string, { tenant = 'loud', type = 'application/json' } = {}) {
  const headers = { authorization: authorization(tenant), 'content-type': type };
  const asking = request(server?.url ?? '', { agent, method: 'POST', headers });
  asking.end(body);
  const [answer] = (await once(asking, 'response')) as [IncomingMessage];
  return { status: answer.statusCode, body: await text(answer) };
}

/** So many connections are there and wait: the server takes new ones one by one. */
async function connect(connections: number): Promise<void> {
  await Promise.all(Array.from({ length: connections }, () => send('{}')));
}

const LONG = 'x'.repeat(100_000);

describe('what a body is taken for', () => {
  test.each([
    ['short', JSON.stringify({ text: 'Grüße 😀' }), { text: 'Grüße 😀' }],
    ['long', JSON.stringify({ text: `${LONG}😀` }), { text: `${LONG}😀` }],
    ['with a mark of its order', '\ufeff{"a":1}', { a: 1 }],
    ['no object', '1', 1],
  ])('%s', async (_what, sent, expected) => {
    let got: unknown;
    await start((body) => (got = body));
    expect(await send(sent)).toMatchObject({ status: 200 });
    expect(got).toEqual(expected);
  });

  test.each([
    ['no JSON', '{"a":', 400, 'must be valid JSON'],
    ['no JSON, and long', `{"a":"${LONG}`, 400, 'must be valid JSON'],
    ['more values than any', `[${'1,'.repeat(20_000)}1]`, 400, 'has more fields'],
    ['too large', `"${'x'.repeat(1_000_001)}"`, 413, 'is too large'],
  ])('%s is refused', async (_what, sent, status, said) => {
    await start(() => undefined);
    const answer = await send(sent);
    expect(answer.status).toBe(status);
    expect(answer.body).toContain(said);
  });

  test.each(['text/plain', 'application/json; charset=utf-16le', 'application/json; charset="latin1"'])(
    '%s is refused',
    async (type) => {
      await start(() => undefined);
      expect(await send('{}', { type })).toMatchObject({ status: 415 });
    },
  );

  test('the usual charset may be named', async () => {
    await start(() => undefined);
    expect(await send('{}', { type: 'application/json; charset="UTF-8"' })).toMatchObject({ status: 200 });
  });
});

test('long ones are taken one at a time, and tenants take turns', async () => {
  const order: string[] = [];
  let inOneGo = 0;
  let most = 0;
  await start((body, isLarge) => {
    if (!isLarge) return;
    order.push((body as { from: string }).from);
    most = Math.max(most, (inOneGo += 1));
    // A check that takes its time, so that what is sent meanwhile is there.
    const until = performance.now() + 10;
    while (performance.now() < until);
    setImmediate(() => (inOneGo = 0));
  });
  await connect(41);
  const bodyOf = (from: string) => JSON.stringify({ from, text: LONG });
  const loud = Array.from({ length: 40 }, () => send(bodyOf('loud')));
  const quiet = send(bodyOf('quiet'), { tenant: 'quiet' });
  await Promise.all([...loud, quiet]);
  expect(most).toBe(1);
  expect(order).toHaveLength(41);
  expect(order.indexOf('quiet')).toBeLessThan(20);
});

test('between them everything else has twice as long as one takes', async () => {
  const between: number[] = [];
  let ended = Infinity;
  await start((_body, isLarge) => {
    if (!isLarge) return;
    between.push(performance.now() - ended);
    const until = performance.now() + 10;
    while (performance.now() < until);
    ended = performance.now();
  });
  const body = JSON.stringify({ text: LONG });
  await Promise.all(Array.from({ length: 5 }, () => send(body)));
  // A timer counts in whole milliseconds.
  expect(Math.min(...between.slice(1))).toBeGreaterThanOrEqual(19);
});

test('short ones wait for no turn', async () => {
  const large: boolean[] = [];
  await start((_body, isLarge) => void large.push(isLarge));
  await send('{"a":1}');
  expect(large).toEqual([false]);
});

test('of more than waits at a time, whoever sends the most is refused one, and others are not', async () => {
  let taken = 0;
  await start((_body, isLarge) => {
    if (!isLarge) return;
    taken += 1;
    const until = performance.now() + 10;
    while (performance.now() < until);
  }, 500_000);
  await connect(41);
  const body = JSON.stringify({ text: LONG });
  const loud = Array.from({ length: 40 }, () => send(body));
  const quiet = await send(body, { tenant: 'quiet' });
  const statuses = (await Promise.all(loud)).map(({ status }) => status);
  expect(quiet.status).toBe(200);
  expect(statuses.filter((status) => status === 429).length).toBeGreaterThan(0);
  expect(statuses.filter((status) => status === 200)).toHaveLength(taken - 1);
});
