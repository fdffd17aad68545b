/** The API of one process: HTTP and what it stands on. */
import { once } from 'node:events';
import type { Server } from 'node:http';
import os from 'node:os';
import type { Client } from '@temporalio/client';
import type pg from 'pg';
import type { Logger } from 'pino';
import { inboundChannels } from '../channels/index.ts';
import { OPERATOR_CONNECTIONS, type ApiConfig } from '../config/index.ts';
import { createPool, postgresNeeded } from '../db/pool.ts';
import { TURN_ANSWERED_WITHIN_MS } from '../domain/timing.ts';
import { createFairPlaces } from '../lib/fair-places.ts';
import { createBoundedServer } from '../lib/bounded-server.ts';
import { hostProblem } from '../lib/address.ts';
import { closeAll } from '../lib/process.ts';
import { waitForAll } from '../lib/wait-for.ts';
import { createEmbedder } from '../memory/embedding/embedder.ts';
import { lazyEmbedder } from '../memory/embedding/lazy-embedder.ts';
import { createPreviewGather } from '../memory/recall/preview-gather.ts';
import { createSearchMemory, SEARCHES_AT_ONCE } from '../memory/recall/search-memory.ts';
import { logGivenUp } from '../observability/given-up.ts';
import type { Tracing } from '../observability/tracing.ts';
import { createRedis } from '../redis/connection.ts';
import { temporalNeeded } from '../temporal/connection.ts';
import { createApp } from './app.ts';
import { connectionsFor } from './busy-connections.ts';
import { listenAll } from './channel-intake.ts';
import { SEARCH_WITHIN_MS } from './look-up.ts';

/** Where no model is set, what is looked up is the window alone. */
const NO_EMBEDDER = { embed: () => Promise.reject(new Error('KONSTRUCT_MODELS is not set')) };

/**
 * Resolves once requests are answered. `close` ends with no request left without an answer.
 */
export async function startApi(
  config: ApiConfig,
  log: Logger,
  { temporal, tracing }: { temporal: Client; tracing: Tracing | undefined },
): Promise<{ close: () => Promise<void> }> {
  const pool = createPool({
    databaseUrl: config.databaseUrl,
    ...config.connections,
    statementTimeoutMs: 5_000,
  });
  const operatorPool = openOperatorPool(config.operator);
  const redis = createRedis(config.redisUrl, log);
  tracing?.watchPool(pool);
  tracing?.watchRedis(redis);
  const closing = new AbortController();
  logGivenUp(log);

  // Redis is not waited for: without it messages are accepted and answered, from what else is remembered.
  await waitForAll([postgresNeeded(pool), temporalNeeded(temporal, config.temporal)], {
    log,
    timeoutMs: config.startTimeoutMs,
  });

  const { modelsPath } = config;
  // On a machine that has both, what is searched for here leaves the processor to the turns of a worker.
  const niceness = os.constants.priority.PRIORITY_BELOW_NORMAL;
  const embedder =
    modelsPath === undefined ? undefined : lazyEmbedder(() => createEmbedder({ modelsPath, niceness }));
  const limits = {
    holdFollowersMs: config.holdFollowersMs,
    maxPromptTokens: config.maxPromptTokens,
    answeredWithinMs: TURN_ANSWERED_WITHIN_MS,
  };
  const places = createFairPlaces(SEARCHES_AT_ONCE);
  const search = embedder && createSearchMemory({ pool, embedder }, places);
  const lookingUp = { pool, redis, embedder: embedder ?? NO_EMBEDDER };
  const gather = createPreviewGather(lookingUp, places, SEARCH_WITHIN_MS);
  const { keys } = config.encryption;
  const channels = inboundChannels(config.channels, { pool, redis, keys, temporal, limits, search, log });
  const { app, takeEvent } = createApp({
    pool,
    redis,
    temporal,
    encryption: config.encryption,
    log,
    limits,
    operator: operatorPool && config.operator && { token: config.operator.token, pool: operatorPool },
    models: config.models,
    agentsPerTenant: config.agentsPerTenant,
    waitingRequests: config.waitingRequests,
    search,
    gather,
    temporalUiUrl: config.temporalUiUrl,
    channels,
    closing: closing.signal,
  });
  const server = createBoundedServer(tracing?.watchRequests(app) ?? app, {
    maxConnections: connectionsFor(config.waitingRequests),
  });
  server.listen(config.port, config.host);
  await once(server, 'listening').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')
      throw new Error(`port ${config.port} is in use: set PORT to a free one`);
    const problem = hostProblem(error, config.host);
    throw problem === undefined ? error : new Error(problem, { cause: error });
  });
  const listening = listenAll(channels, takeEvent);
  log.info({ address: server.address() }, 'API is up');

  return {
    async close() {
      // First no new requests, then an answer for those that wait for a reply (202), then the connections.
      const closed = closeServer(server);
      closing.abort();
      await Promise.all([closed, ...listening.map((channel) => channel.close())]);
      await closeAll(log, [
        () => redis.disconnect(),
        () => pool.end(),
        () => operatorPool?.end(),
        () => embedder?.close(),
      ]);
    },
  };
}

/** The operator's routes are rarely asked. */
function openOperatorPool(operator: ApiConfig['operator']): pg.Pool | undefined {
  if (!operator) return undefined;
  const { databaseUrl } = operator;
  return createPool({ databaseUrl, max: OPERATOR_CONNECTIONS, statementTimeoutMs: 5_000 });
}

async function closeServer(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  // A connection that is busy now will be idle when it has its answer, and clients keep those open.
  const sweep = setInterval(() => server.closeIdleConnections(), 100);
  await closed;
  clearInterval(sweep);
}
