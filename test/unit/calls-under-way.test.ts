/** Calls that wait for something: those of one tenant leave others room, also where all have one address. */
import { once } from 'node:events';
import { get, type Server } from 'node:http';
import { afterEach, expect, jest, test } from '@jest/globals';
import express, { type Response } from 'express';
import pino from 'pino';
import { CALLS_AT_ONCE, createCallsUnderWay } from '../../src/api/calls-under-way.ts';
import { problemHandler } from '../../src/api/problems.ts';
import { createBoundedServer } from '../../src/lib/bounded-server.ts';
import { eventually } from '../support/eventually.ts';

jest.setTimeout(60_000);

let server: Server;
afterEach(() => {
  server.close();
  server.closeAllConnections();
});

/** Serves calls that wait, but for those of `quiet`; the result are those that wait. */
async function serve(takePlace: ReturnType<typeof createCallsUnderWay>): Promise<Response[]> {
  const underWay: Response[] = [];
  const app = express();
  app.get('/:tenantId', (req, res) => {
    takePlace(req.params.tenantId, res);
    if (req.params.tenantId === 'quiet') res.end();
    else underWay.push(res);
  });
  app.use(problemHandler(pino({ level: 'silent' })));
  server = createBoundedServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return underWay;
}

/** The status of a call over a connection of its own, or why there is none. */
function ask(tenantId: string): Promise<number | string> {
  const address = server.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  return new Promise((resolve) => {
    get({ host: '127.0.0.1', port, path: `/${tenantId}`, agent: false }, (res) => {
      res.resume().on('end', () => resolve(res.statusCode ?? 0));
    }).on('error', (error) => resolve(error.message));
  });
}

const askAll = (tenantId: string, count: number): Array<Promise<number | string>> =>
  Array.from({ length: count }, () => ask(tenantId));

test('of a tenant’s flood what is over is a 429, no connection fails, and others are answered', async () => {
  const underWay = await serve(createCallsUnderWay());
  const answers: Array<number | string> = [];
  const loud = askAll('loud', CALLS_AT_ONCE + 2_000);
  for (const answer of loud) void answer.then((status) => answers.push(status));
  expect(await Promise.all(askAll('quiet', 50))).toEqual(Array<number>(50).fill(200));
  await eventually(() => answers.length >= 2_000);
  expect(new Set(answers)).toEqual(new Set([429]));
  expect(underWay).toHaveLength(CALLS_AT_ONCE);
  expect(await Promise.all(askAll('quiet', 50))).toEqual(Array<number>(50).fill(200));
});

test('while there is room nobody is refused, and then whoever has less than its share is not', async () => {
  const underWay = await serve(createCallsUnderWay(4));
  const counts = async (tenantId: string): Promise<number | string> => {
    const before = underWay.length;
    let status: number | string | undefined;
    void ask(tenantId).then((answered) => (status = answered));
    return eventually(() => status ?? (underWay.length > before && 'waits'));
  };
  for (const tenantId of ['other', 'loud', 'loud', 'loud']) expect(await counts(tenantId)).toBe('waits');
  expect(await counts('loud')).toBe(429);
  expect(await counts('other')).toBe('waits');
  expect(await counts('other')).toBe(429);
  expect(await counts('newcomer')).toBe('waits');
  // What ends gives its place back.
  for (const res of underWay.slice(0, 4)) {
    res.end();
    await once(res, 'close');
  }
  expect(await counts('loud')).toBe('waits');
});
