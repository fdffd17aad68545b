import { once } from 'node:events';
import { createServer, get, type ClientRequest, type IncomingMessage, type Server } from 'node:http';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import express, { type Response } from 'express';
import pino from 'pino';
import { createListShares, LISTS_AT_ONCE } from '../../src/api/list-shares.ts';
import { problemHandler } from '../../src/api/problems.ts';

/** The answers under way: nobody ends them but the test. */
let underWay: Response[];
let server: Server;
const asked: ClientRequest[] = [];

beforeEach(async () => {
  underWay = [];
  const takePlace = createListShares();
  const app = express();
  app.get('/:tenantId', (req, res) => {
    takePlace(req.params.tenantId, res);
    underWay.push(res);
    res.write('[');
  });
  app.use(problemHandler(pino({ level: 'silent' })));
  server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(() => {
  for (const request of asked.splice(0)) request.destroy();
  server.close();
  server.closeAllConnections();
});

/** Asks for a list; resolves when its answer has begun. */
async function ask(tenantId: string): Promise<IncomingMessage> {
  const address = server.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  const request = get({ host: '127.0.0.1', port, path: `/${tenantId}`, agent: false });
  asked.push(request);
  request.on('error', () => undefined);
  const response = await new Promise<IncomingMessage>((resolve) => request.once('response', resolve));
  return response.on('error', () => undefined);
}

test('lists under way are bounded, and a newcomer finds a place', async () => {
  for (let i = 0; i < LISTS_AT_ONCE; i += 1) expect((await ask('loud')).statusCode).toBe(200);
  const refused = await ask('loud');
  expect(refused.statusCode).toBe(429);
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
  expect(underWay).toHaveLength(LISTS_AT_ONCE);
  expect((await ask('newcomer')).statusCode).toBe(200);
});

test.each([
  ['has been read', (res: Response, answer: IncomingMessage) => (answer.resume(), res.end(']'))],
  ['lost its reader', (_res: Response, answer: IncomingMessage) => answer.destroy()],
])('a list that %s gives its place back', async (_what, end) => {
  const answers: IncomingMessage[] = [];
  for (let i = 0; i < LISTS_AT_ONCE; i += 1) answers.push(await ask('loud'));
  expect((await ask('loud')).statusCode).toBe(429);
  const [res, answer] = [underWay[0], answers[0]];
  if (!res || !answer) throw new Error('there is no answer under way');
  const closed = once(res, 'close');
  end(res, answer);
  await closed;
  expect((await ask('loud')).statusCode).toBe(200);
  expect((await ask('loud')).statusCode).toBe(429);
});

test('a list whose reader was gone before takes no place, and isn’t made', async () => {
  const takePlace = createListShares();
  await ask('gone');
  const [res] = underWay;
  const closed = res && once(res, 'close');
  for (const request of asked.splice(0)) request.destroy();
  await closed;
  if (!res) throw new Error('there is no answer');
  for (let i = 0; i < 2 * LISTS_AT_ONCE; i += 1) expect(() => takePlace('gone', res)).toThrow('closed');
  expect((await ask('gone')).statusCode).toBe(200);
});
