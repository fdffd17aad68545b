import type { Client } from '@temporalio/client';
import { Redis } from 'ioredis';
import type { Pool } from 'pg';
import { pino, type Logger } from 'pino';
import type { ServiceConfig } from '../config/index.ts';

/** JSON logs on standard output. Contents of messages are never logged; ids are. */
export function createLogger(name: string, level: string): Logger {
  return pino({ name, level, base: { name }, timestamp: pino.stdTimeFunctions.isoTime });
}

/** A Redis client that answers or fails within a second and keeps reconnecting by itself. */
export function createRedis(redisUrl: string, log: Logger): Redis {
  const redis = new Redis(redisUrl, {
    // What can't be sent now fails now: Temporal retries what must not be lost.
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    commandTimeout: 1_500,
    connectTimeout: 2_000,
    retryStrategy: (attempt) => Math.min(50 * attempt, 1_000),
  });
  redis.on('error', (error: Error) => log.debug({ err: error }, 'redis'));
  return redis;
}

/** Waits until `probe` succeeds; after `timeoutMs` throws what the cure is. Says once that it waits. */
export async function waitFor(
  service: string,
  probe: () => Promise<unknown>,
  options: { log: Logger; cure: string; timeoutMs: number },
): Promise<void> {
  const deadline = Date.now() + options.timeoutMs;
  for (let attempt = 0; ; attempt += 1) {
    try {
      await probe();
      return;
    } catch (error) {
      if (Date.now() > deadline) {
        throw new Error(`${service} can't be reached: ${options.cure}`, { cause: error });
      }
      if (attempt === 0) options.log.warn({ service, err: error }, `waiting for ${service}`);
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
}

/** Waits for what no process of ours can start without; after `startTimeoutMs` throws what the cure is. */
export async function waitForServices(
  { pool, temporal }: { pool: Pool; temporal: Client },
  config: ServiceConfig,
  log: Logger,
): Promise<void> {
  const timeoutMs = config.startTimeoutMs;
  await Promise.all([
    waitFor('Postgres', () => pool.query('SELECT 1'), {
      log,
      timeoutMs,
      cure: 'check DATABASE_URL, or start the database',
    }),
    waitFor('Temporal', () => temporal.connection.ensureConnected(), {
      log,
      timeoutMs,
      cure: `nothing answers at TEMPORAL_ADDRESS=${config.temporal.address}`,
    }),
  ]);
}

/** Closes connections when all work is done. One that hangs (a server that is stopped) is left to the end of the process. */
export async function closeAll(log: Logger, closing: ReadonlyArray<() => unknown>): Promise<void> {
  const closed = Promise.allSettled(closing.map((close) => Promise.resolve().then(close)));
  const late = Symbol('late');
  const result = await Promise.race([
    closed,
    new Promise((resolve) => setTimeout(resolve, CLOSE_WITHIN_MS, late)),
  ]);
  if (result === late) log.warn('a connection does not close; ending without');
}

const CLOSE_WITHIN_MS = 3_000;

/** Runs `shutdown` once on SIGTERM or SIGINT and exits: 0 when it succeeds within 30 s, else 1. */
export function onTermination(log: Logger, shutdown: () => Promise<void>): void {
  let stopping = false;
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) return;
    stopping = true;
    log.info({ signal }, 'shutting down');
    const deadline = setTimeout(() => process.exit(1), 30_000);
    shutdown()
      .then(() => {
        clearTimeout(deadline);
        log.info('stopped');
        process.exit(0);
      })
      .catch((error: unknown) => {
        log.error({ err: error }, 'shutdown failed');
        process.exit(1);
      });
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

/** Ends the process with one clear line when `main` fails before it is up. */
export async function runMain(main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  }
}
