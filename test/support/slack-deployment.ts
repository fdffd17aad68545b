/** The API and, if wanted, the worker in this process, between a Slack stand-in, a scripted LLM and real services. */
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { Client } from '@temporalio/client';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import type { Redis } from 'ioredis';
import { pino } from 'pino';
import { createActivities } from '../../src/activities/index.ts';
import { createApp } from '../../src/api/app.ts';
import type { createAgent } from '../../src/db/agents.ts';
import type { Agent } from '../../src/domain/agent.ts';
import { createLlmClient } from '../../src/llm/client.ts';
import { createRunAgent } from '../../src/llm/run-agent.ts';
import { createRedis } from '../../src/lib/process.ts';
import { createSlackClient } from '../../src/channels/slack/client.ts';
import { singleWorkspace } from '../../src/channels/slack/inbound/installations.ts';
import { createNameLookup } from '../../src/channels/slack/inbound/names.ts';
import { connectWorker, lazyClient } from '../../src/temporal/connection.ts';
import { createWorkers } from '../../src/worker/workers.ts';
import { workflowBundle } from '../../src/worker/workflow-bundle.ts';
import { hashEmbedder } from './embeddings.ts';
import { startFakeLlm, type FakeLlm } from './fake-llm.ts';
import {
  createTestDatabase,
  createTestTenant,
  redisUrl,
  temporalConfig,
  type TestDatabase,
} from './services.ts';
import { createSlackSender, type SlackSender } from './slack-sender.ts';
import { BOT, SIGNING_SECRET, startSlackStandIn, type SlackStandIn } from './slack-stand-in.ts';

export type SlackDeployment = {
  slack: SlackStandIn;
  llm: FakeLlm;
  database: TestDatabase;
  redis: Redis;
  temporal: Client;
  tenantId: string;
  agent: Agent;
  baseUrl: string;
  send: SlackSender['send'];
  post: SlackSender['post'];
  close(): Promise<void>;
};

export async function startSlackDeployment(
  options: {
    agent?: Parameters<typeof createAgent>[3];
    withWorker?: boolean;
    temporalAddress?: string;
    redisUrl?: string;
  } = {},
): Promise<SlackDeployment> {
  const log = pino({ level: process.env['LOG_LEVEL'] ?? 'silent' });
  const [slack, llm, database] = await Promise.all([
    startSlackStandIn(),
    startFakeLlm(),
    createTestDatabase(),
  ]);
  const { tenantId, agent } = await createTestTenant(database.pool, options.agent);
  const redis = createRedis(options.redisUrl ?? redisUrl(), log);
  const temporal = lazyClient({
    ...temporalConfig(),
    ...(options.temporalAddress && { address: options.temporalAddress }),
  });
  const client = createSlackClient({ token: BOT.token, apiUrl: slack.apiUrl });
  const stopWorker =
    options.withWorker === false
      ? async () => undefined
      : await startWorker({ pool: database.pool, redis, llm, slack: () => client, temporal });
  const closing = new AbortController();
  const app = createApp({
    pool: database.pool,
    redis,
    temporal,
    log,
    limits: { holdFollowersMs: 30_000, maxPromptTokens: 24_000 },
    operatorToken: undefined,
    closing: closing.signal,
    slack: {
      signingSecret: SIGNING_SECRET,
      findInstallation: singleWorkspace({ client, tenantId, agentId: agent.id, log }),
      lookUpNames: createNameLookup(),
      allowedBots: new Set(['BALLOWED']),
    },
  });
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const sender = await createSlackSender({ baseUrl, team: slack.team });
  return {
    slack,
    llm,
    database,
    redis,
    temporal,
    tenantId,
    agent,
    baseUrl,
    post: sender.post,
    send: sender.send,
    async close() {
      closing.abort();
      server.closeAllConnections();
      server.close();
      await stopWorker();
      await Promise.all([slack.close(), llm.close(), sender.close(), temporal.connection.close()]);
      redis.disconnect();
      await database.drop();
    },
  };
}

async function startWorker(
  parts: Pick<Parameters<typeof createActivities>[0], 'pool' | 'redis' | 'slack' | 'temporal'> & {
    llm: FakeLlm;
  },
): Promise<() => Promise<void>> {
  // Activities that fail are what these tests are about.
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const embedder = hashEmbedder();
  const connection = await connectWorker(temporalConfig());
  const runAgent = createRunAgent(
    createLlmClient({ baseUrl: parts.llm.baseUrl, apiKey: 'none' }),
    'scripted',
  );
  const workers = await createWorkers({
    connection,
    namespace: temporalConfig().namespace,
    bundle: await workflowBundle(),
    activities: createActivities({ ...parts, embedder, runAgent }),
  });
  const running = Promise.all(workers.map((worker) => worker.run()));
  return async () => {
    for (const worker of workers) worker.shutdown();
    await running;
    await connection.close();
  };
}
