/** The API of one process: HTTP and what it stands on. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import { inboundChannels } from '../channels/index.ts';
import type { ApiConfig } from '../config/index.ts';
import { createPool, postgresNeeded } from '../db/pool.ts';
import { hostProblem } from '../lib/address.ts';
import { closeAll } from '../lib/process.ts';
import { waitForAll } from '../lib/wait-for.ts';
import type { Tracing } from '../observability/tracing.ts';
import { createRedis } from '../redis/connection.ts';
import { temporalNeeded } from '../temporal/connection.ts';
import { createApp } from './app.ts';

/**
 * Longer than what clients and load balancers keep an idle connection for (mostly 60 s): with Node's 5 s a
 * request could meet a connection that was just being closed.
 */
const KEEP_ALIVE_MS = 75_000;

/**
 * Resolves once requests are answered. `close` ends with no request left without an answer.
 */
export async function startApi(
  config: ApiConfig,
  log: Logger,
  { temporal, tracing }: { temporal: Client; tracing: Tracing | undefined },
): Promise<{ close: () => Promise<void> }> {
  const pool = createPool({ databaseUrl: config.databaseUrl, max: 20, statementTimeoutMs: 5_000 });
  const redis = createRedis(config.redisUrl, log);
  tracing?.watchPool(pool);
  tracing?.watchRedis(redis);
  const closing = new AbortController();

  // Redis is not waited for: without it messages are accepted and answered, from what else is remembered.
  await waitForAll([postgresNeeded(pool), temporalNeeded(temporal, config.temporal)], {
    log,
    timeoutMs: config.startTimeoutMs,
  });

  const app = createApp({
    pool,
    redis,
    temporal,
    log,
    limits: { holdFollowersMs: config.holdFollowersMs, maxPromptTokens: config.maxPromptTokens },
    operatorToken: config.operatorToken,
    channels: inboundChannels(config.channels, { redis, log }),
    closing: closing.signal,
  });
  const server = createServer(tracing?.watchRequests(app) ?? app);
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.listen(config.port, config.host);
  await once(server, 'listening').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')
      throw new Error(`port ${config.port} is in use: set PORT to a free one`);
    const problem = hostProblem(error, config.host);
    throw problem === undefined ? error : new Error(problem, { cause: error });
  });
  log.info({ address: server.address() }, 'API is up');

  return {
    async close() {
      // First no new requests, then an answer for those that wait for a reply (202), then the connections.
      const closed = closeServer(server);
      closing.abort();
      await closed;
      await closeAll(log, [() => redis.disconnect(), () => pool.end()]);
    },
  };
}

async function closeServer(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  // A connection that is busy now will be idle when it has its answer, and clients keep those open.
  const sweep = setInterval(() => server.closeIdleConnections(), 100);
  await closed;
  clearInterval(sweep);
}
