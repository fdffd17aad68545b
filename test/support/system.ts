/** The whole system in this process: API, both workers, real services, and a recording stand-in for the LLM. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Client } from '@temporalio/client';
import type { Redis } from 'ioredis';
import type pg from 'pg';
import { pino } from 'pino';
import { createActivities } from '../../src/activities/index.ts';
import { createApp } from '../../src/api/app.ts';
import { createPool } from '../../src/db/tenant-transaction.ts';
import type { Agent } from '../../src/domain/agent.ts';
import { createLlmClient } from '../../src/llm/client.ts';
import { createRunAgent } from '../../src/llm/run-agent.ts';
import { createEmbedder, type Embedder } from '../../src/memory/embedding/embedder.ts';
import { createRedis } from '../../src/lib/process.ts';
import { startFakeLlm, type FakeLlm } from './fake-llm.ts';
import { createTestDatabase, createTestTenant, modelsPath, redisUrl, type TestDatabase } from './services.ts';
import { hostWorkflows } from './workflow-host.ts';

export const OPERATOR_TOKEN = 'operator-token-of-the-tests';

export type Answer = { status: number; headers: Headers; body: Record<string, unknown> };
export type System = {
  baseUrl: string;
  database: TestDatabase;
  temporal: Client;
  llm: FakeLlm;
  embedder: Embedder;
  agent: Agent;
  tenantId: string;
  apiKey: string;
  /** A request with the tenant's key; a string body is sent as it is. */
  request(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** Sends a message and waits for the reply. */
  say(text: string, options?: { userId?: string; headers?: Record<string, string> }): Promise<Answer>;
  stop(): Promise<void>;
};

export type SystemOptions = {
  /** What stands between the worker and its services; the API reaches them directly. */
  worker?: {
    databaseUrl?: (url: string) => string;
    redisUrl?: string;
    embedder?: (real: Embedder) => Embedder;
  };
  /** What stands between the API and its services. */
  api?: { databaseUrl?: (url: string) => string; redisUrl?: string; temporal?: Client };
  holdFollowersMs?: number;
};

export async function startSystem(options: SystemOptions = {}): Promise<System> {
  const log = pino({ level: 'silent' });
  const [database, llm, embedder] = await Promise.all([
    createTestDatabase(),
    startFakeLlm(),
    createEmbedder({ modelsPath: modelsPath() }),
  ]);
  const { pool } = database;
  const pools: pg.Pool[] = [];
  const poolAt = (through: ((url: string) => string) | undefined): pg.Pool => {
    if (!through) return pool;
    const own = createPool({ databaseUrl: through(database.url), max: 10, statementTimeoutMs: 5_000 });
    pools.push(own);
    return own;
  };
  const redises = [options.worker, options.api].map((through) =>
    createRedis(through?.redisUrl ?? redisUrl(), log),
  );
  const [workerRedis, redis] = redises as [Redis, Redis];
  const runAgent = createRunAgent(createLlmClient({ baseUrl: llm.baseUrl, apiKey: 'k' }), 'test-model');
  const host = await hostWorkflows((client) =>
    createActivities({
      pool: poolAt(options.worker?.databaseUrl),
      redis: workerRedis,
      embedder: options.worker?.embedder?.(embedder) ?? embedder,
      runAgent,
      temporal: client,
      slack: () => undefined,
    }),
  );
  const temporal = host.environment.client;
  const closing = new AbortController();
  const app = createApp({
    pool: poolAt(options.api?.databaseUrl),
    redis,
    temporal: options.api?.temporal ?? temporal,
    log,
    limits: { holdFollowersMs: options.holdFollowersMs ?? 30_000, maxPromptTokens: 24_000 },
    operatorToken: OPERATOR_TOKEN,
    closing: closing.signal,
    slack: undefined,
  });
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { tenantId, apiKey, agent } = await createTestTenant(pool, { name: 'Mara', jobTitle: 'assistant' });

  const request: System['request'] = async (method, path, body, headers = {}) => {
    const response = await fetch(baseUrl + path, {
      method,
      headers: {
        authorization: `Bearer ${apiKey}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const parsed = text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
    return { status: response.status, headers: response.headers, body: parsed };
  };
  return {
    baseUrl,
    database,
    temporal,
    llm,
    embedder,
    agent,
    tenantId,
    apiKey,
    request,
    async say(text, { userId = 'ada', headers = {} } = {}) {
      // As senders do: told to come again (a machine under load), it sends the very same request again.
      const keyed = { prefer: 'wait=60', 'idempotency-key': `say-${randomUUID()}`, ...headers };
      for (;;) {
        const answer = await request('POST', `/v1/agents/${agent.id}/messages`, { userId, text }, keyed);
        if (answer.status !== 503) return answer;
      }
    },
    async stop() {
      closing.abort();
      server.close();
      server.closeAllConnections();
      await host.stop();
      for (const one of redises) one.disconnect();
      await Promise.all(pools.map((one) => one.end()));
      await embedder.close();
      await llm.close();
      await database.drop();
    },
  };
}
