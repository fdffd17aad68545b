/** What was thrown, to the client and in the log. */
import { afterEach, expect, test } from '@jest/globals';
import express from 'express';
import pino from 'pino';
import { heedMethods } from '../../src/api/methods.ts';
import { problemHandler, problemOf } from '../../src/api/problems.ts';
import { serve, type HttpServer } from '../support/http-server.ts';

let server: HttpServer | undefined;
afterEach(() => server?.close());

/** A server whose every call throws this, and what it has logged. */
async function throwing(error: Error, isOutage: boolean) {
  const logged: Array<Record<string, unknown>> = [];
  const log = pino({}, { write: (line) => void logged.push(JSON.parse(line) as Record<string, unknown>) });
  const app = express();
  app.use(heedMethods({ '/v1/agents/{agentId}/users/{userId}/memory': { get: {} } }));
  app.use(() => {
    throw error;
  });
  app.use(problemHandler(log, () => Promise.resolve(isOutage)));
  server = await serve(app);
  const { url } = server;
  return { logged, ask: (path: string) => fetch(`${url}${path}`) };
}

test('the log has the path as it is described, and nothing of what was sent', async () => {
  const { logged, ask } = await throwing(new Error('a bug'), false);
  expect((await ask(`/v1/agents/a/users/ada/memory?q=${'x'.repeat(8_000)}`)).status).toBe(500);
  expect((await ask(`/v1/ada/${'x'.repeat(8_000)}`)).status).toBe(500);
  expect(logged.map(({ path }) => path)).toEqual(['/v1/agents/{agentId}/users/{userId}/memory', 'unmatched']);
  expect(JSON.stringify(logged)).not.toMatch(/ada|xxx/);
});

test('a share that is taken is a 429, and the service’s fault while one is away', async () => {
  const overShare = problemOf({ kind: 'over-share', retryAfterMs: 1_000 });
  const busy = await throwing(overShare, false);
  expect((await busy.ask('/')).status).toBe(429);
  await server?.close();
  const away = await throwing(overShare, true);
  const answer = await away.ask('/');
  expect(answer.status).toBe(503);
  expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
});
