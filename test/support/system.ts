/** The whole of Konstruct in this process: API and both workers, on real services, with a scripted model. */
import type { Client } from '@temporalio/client';
import type pg from 'pg';
import type { RedisClient } from '../../src/redis/connection.ts';
import { pino, type Logger } from 'pino';
import { createActivities } from '../../src/activities/index.ts';
import { createApp } from '../../src/api/app.ts';
import { listenAll } from '../../src/api/channel-intake.ts';
import { SEARCH_WITHIN_MS } from '../../src/api/look-up.ts';
import type { ChannelDefinition } from '../../src/channels/channel.ts';
import { CHANNELS, channelSubjects, inboundChannels, outboundChannels } from '../../src/channels/index.ts';
import { connections } from '../../src/config/database.ts';
import { parse } from '../../src/config/variables.ts';
import { createBoundedServer } from '../../src/lib/bounded-server.ts';
import { createFairPlaces } from '../../src/lib/fair-places.ts';
import { createPool } from '../../src/db/pool.ts';
import { createRedis } from '../../src/redis/connection.ts';
import { createLlmClient } from '../../src/llm/client.ts';
import { createRunAgent } from '../../src/llm/run-agent.ts';
import { createEmbedder, type Embedder } from '../../src/memory/embedding/embedder.ts';
import { createPreviewGather } from '../../src/memory/recall/preview-gather.ts';
import { makeReadersReady } from '../../src/memory/recall/read-question.ts';
import { createSearchMemory, SEARCHES_AT_ONCE } from '../../src/memory/recall/search-memory.ts';
import { lazyClient } from '../../src/temporal/connection.ts';
import { DEFAULT_LIMITS } from './accepted-message.ts';
import { createApiClient, type ApiClient } from './api-client.ts';
import { hashEmbedder } from './embeddings.ts';
import { serve } from './http-server.ts';
import type { Proxy } from './proxy.ts';
import { asRole, encryptionConfig, modelsPath, redisUrl, temporalConfig } from './services.ts';
import { BOT, SIGNING_SECRET } from './slack-stand-in.ts';
import {
  createSurroundings,
  type SlackSide,
  type Surroundings,
  type SurroundingsOptions,
} from './surroundings.ts';
import { hostWorkflows } from './workflow-host.ts';

/** What the operator signs in with. */
export const OPERATOR_TOKEN = 'operator-token-of-the-tests';
/** What an API reads where companies install the app in Slack. */
export const SLACK_OAUTH = {
  SLACK_SIGNING_SECRET: SIGNING_SECRET,
  SLACK_CLIENT_ID: 'client',
  SLACK_CLIENT_SECRET: 'secret',
  SLACK_STATE_SECRET: 'a-state-secret-of-the-tests',
};
/** The models that agents may name. */
const MODELS = ['test-model', 'big'];
/** The headers of an operator's request. */
export const AS_OPERATOR = { authorization: `Bearer ${OPERATOR_TOKEN}` };

/** What stands between one half of the system and its services; one that is left out is reached directly. */
export type Between = { postgres?: Proxy; redis?: Proxy; temporal?: Proxy };

export type SystemOptions = SurroundingsOptions & {
  api?: Between & { embedder?: (real: Embedder) => Embedder };
  worker?: Between & { embedder?: (real: Embedder) => Embedder };
  holdFollowersMs?: number;
  hashUserIds?: boolean;
  agentsPerTenant?: number;
  callsAMinute?: number;
  waitingRequests?: number;
  /** Where Temporal's Web UI is, for the console. */
  temporalUiUrl?: string;
  /** Calls of the model, and of channels, at once; 200 unless another is given. */
  callsAtOnce?: number;
  /** Channels besides the product's own. */
  channels?: readonly ChannelDefinition[];
  /** What those read, and what the product's own read otherwise than usual. */
  env?: Record<string, string>;
};

export type System = Surroundings &
  ApiClient & {
    baseUrl: string;
    /** The API's own connections. */
    redis: RedisClient;
    apiPool: pg.Pool;
    /** Past every proxy. */
    temporal: Client;
    embedder: Embedder;
    /** A second API beside the first, on the same connections. */
    anotherApi(): Promise<{ baseUrl: string; close(): Promise<void> }>;
    stop(): Promise<void>;
  };
export type SlackSystem = System & SlackSide;

export async function startSystem(options: SystemOptions & { slack: true }): Promise<SlackSystem>;
export async function startSystem(options?: SystemOptions): Promise<System>;
export async function startSystem(options: SystemOptions = {}): Promise<System | SlackSystem> {
  const log = pino({ level: process.env['LOG_LEVEL'] ?? 'silent' });
  const { surroundings, slack, slackSideOf, close } = await createSurroundings(options);
  const { database, tenantId, apiKey, agent, llm } = surroundings;
  // The tests through Slack are not about recall, and need not load the real model.
  const [embedder] = await Promise.all([
    slack ? hashEmbedder() : createEmbedder({ modelsPath: modelsPath() }),
    makeReadersReady(1),
  ]);
  const env = {
    ...(slack && {
      SLACK_API_URL: slack.apiUrl,
      SLACK_BOT_TOKEN: BOT.token,
      SLACK_SIGNING_SECRET: SIGNING_SECRET,
      SLACK_ALLOWED_BOTS: 'BALLOWED',
      KONSTRUCT_SLACK_TENANT_ID: tenantId,
      KONSTRUCT_SLACK_AGENT_ID: agent.id,
    }),
    ...options.env,
  };
  const definitions = [...CHANNELS, ...(options.channels ?? [])];
  const worker = connect(asRole('worker', database.url), log, options.worker);
  const api = connect(asRole('api', database.url), log, options.api);
  const host = await hostWorkflows(
    createActivities({
      ...worker.connections,
      windowBytes: 200_000_000,
      embedder: options.worker?.embedder?.(embedder) ?? embedder,
      runAgent: createRunAgent(createLlmClient({ baseUrl: llm.baseUrl, apiKey: 'k' }), {
        model: 'test-model',
        models: MODELS,
      }),
      channels: outboundChannels(
        parse(channelSubjects('outbound', definitions), env),
        { ...worker.connections, keys: encryptionConfig().keys, log },
        definitions,
      ),
    }),
    options.callsAtOnce === undefined ? {} : { callsAtOnce: options.callsAtOnce },
  );
  const lookingUp = { ...api.connections, embedder: options.api?.embedder?.(embedder) ?? embedder };
  const places = createFairPlaces(SEARCHES_AT_ONCE);
  const search = createSearchMemory(lookingUp, places);
  const gather = createPreviewGather(lookingUp, places, SEARCH_WITHIN_MS);
  const startApi = async () => {
    const closing = new AbortController();
    const channels = inboundChannels(
      parse(channelSubjects('inbound', definitions), env),
      { ...api.connections, keys: encryptionConfig().keys, limits: DEFAULT_LIMITS, search, log },
      definitions,
    );
    const { app, takeEvent } = createApp({
      ...api.connections,
      encryption: { ...encryptionConfig(), hashUserIds: options.hashUserIds === true },
      log,
      limits: {
        ...DEFAULT_LIMITS,
        ...(options.holdFollowersMs && { holdFollowersMs: options.holdFollowersMs }),
      },
      operator: { token: OPERATOR_TOKEN, pool: database.operator },
      models: MODELS,
      agentsPerTenant: options.agentsPerTenant ?? 100,
      ...(options.callsAMinute && { callsAMinute: options.callsAMinute }),
      // However busy the machine is with other tests.
      pace: async () => ({ accepted: () => undefined }),
      // What is counted is looked at right away.
      metricsKeptMs: 0,
      waitingRequests: options.waitingRequests ?? 500,
      temporalUiUrl: options.temporalUiUrl,
      search,
      gather,
      closing: closing.signal,
      channels,
    });
    const server = await serve(app, createBoundedServer);
    const listening = listenAll(channels, takeEvent);
    const close = async (): Promise<void> => {
      closing.abort();
      await Promise.all([server.close(), ...listening.map((channel) => channel.close())]);
    };
    return { baseUrl: server.url, close };
  };
  const first = await startApi();
  const { baseUrl } = first;
  return {
    ...surroundings,
    ...createApiClient({ baseUrl, apiKey, agentId: agent.id }),
    ...(await slackSideOf(baseUrl)),
    baseUrl,
    redis: api.connections.redis,
    apiPool: api.connections.pool,
    temporal: host.environment.client,
    embedder,
    anotherApi: startApi,
    async stop() {
      await first.close();
      await host.stop();
      await Promise.all([worker.close(), api.close(), embedder.close()]);
      await close();
    },
  };
}

/** Lets a user send as much as a test does, which is more than a person would. */
export async function liftUserLimit({ request, tenantId }: System): Promise<void> {
  const rateLimits = { user: { burst: 100_000, perMinute: 100_000 } };
  await request('PATCH', `/v1/tenants/${tenantId}`, { rateLimits }, AS_OPERATOR);
}

/** The connections of one half, API or worker, through what stands between. */
function connect(url: string, log: Logger, between: Between = {}) {
  const { address, namespace } = temporalConfig();
  const pool = createPool({
    databaseUrl: between.postgres?.through(url) ?? url,
    max: 10,
    ofOneTenant: parse({ connections }, {}).connections.ofOneTenant,
    statementTimeoutMs: 5_000,
  });
  const redis = createRedis(between.redis?.through(redisUrl()) ?? redisUrl(), log);
  const temporal = lazyClient(
    { address: between.temporal?.through(address) ?? address, namespace },
    encryptionConfig().keys,
  );
  return {
    connections: { pool, redis, temporal },
    async close(): Promise<void> {
      redis.disconnect();
      await Promise.all([pool.end(), temporal.connection.close()]);
    },
  };
}
