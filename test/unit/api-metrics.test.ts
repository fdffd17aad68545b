/** Series of the API's metrics: as many as there are calls, whatever a stranger spells. */
import { request } from 'node:http';
import { once } from 'node:events';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import express, { Router } from 'express';
import pino from 'pino';
import type { Registry } from 'prom-client';
import { heedMethods } from '../../src/api/methods.ts';
import { createMetrics } from '../../src/api/metrics.ts';
import { notFound, problemHandler } from '../../src/api/problems.ts';
import { serve, type HttpServer } from '../support/http-server.ts';

let server: HttpServer;
let registry: Registry;
beforeEach(async () => {
  const metrics = createMetrics();
  ({ registry } = metrics);
  const app = express();
  app.use(metrics.timeRequests);
  app.use(heedMethods({ '/console/session': { get: {} }, '/v1/agents/{agentId}': { get: {}, patch: {} } }));
  app.get('/metrics', metrics.showMetrics);
  app.use(
    '/console/session',
    Router().get('/', (_req, res) => void res.end()),
  );
  app.use(
    '/v1',
    Router().get('/agents/:agentId', (_req, res) => void res.end()),
  );
  app.use(() => {
    throw notFound('path');
  });
  app.use(problemHandler(pino({ level: 'silent' })));
  server = await serve(app);
});
afterEach(() => server.close());

/** Asks as it is, without a client that mends a path or refuses a method. */
async function ask(method: string, path: string): Promise<void> {
  const { port } = new URL(server.url);
  const asked = request({ host: '127.0.0.1', port, method, path, agent: false }).end();
  const [answer] = (await once(asked, 'response')) as [NodeJS.ReadableStream];
  answer.resume();
  await once(answer, 'end');
}

const series = async () => {
  const text = await registry.metrics();
  const labels = [...text.matchAll(/^konstruct_http_request_duration_seconds_count\{(.*)\}/gm)];
  return labels.map(([, found = '']) => found).toSorted();
};

test('a path in any spelling is one series, and so is all that is not described', async () => {
  const word = 'session';
  const spellings = Array.from({ length: 2 ** word.length }, (_, bits) =>
    [...word].map((letter, i) => ((bits >> i) % 2 ? letter.toUpperCase() : letter)).join(''),
  );
  for (const spelt of spellings) await ask('GET', `/cOnSoLe/${spelt}/`);
  for (const id of ['a', 'b', 'C']) await ask('GET', `/V1/agents/${id}`);
  for (const path of ['/', '/V1', '/v2/agents', '/%76%31']) await ask('GET', path);
  expect(await series()).toEqual([
    'method="GET",route="/console/session",status="200"',
    'method="GET",route="/v1/agents/{agentId}",status="200"',
    'method="other",route="unmatched",status="404"',
  ]);
});

test('methods that a path hasn’t are one', async () => {
  for (const method of ['PUT', 'DELETE', 'PROPFIND', 'PURGE', 'M-SEARCH']) {
    await ask(method, '/console/session');
    await ask(method, '/anything');
  }
  expect(await series()).toEqual([
    'method="other",route="/console/session",status="405"',
    'method="other",route="unmatched",status="404"',
  ]);
});

test('a page of metrics is made once, however many ask for it', async () => {
  let made = 0;
  const { metrics } = registry;
  registry.metrics = () => {
    made += 1;
    return metrics.call(registry);
  };
  await Promise.all(Array.from({ length: 50 }, () => ask('GET', '/metrics')));
  expect(made).toBe(1);
});
