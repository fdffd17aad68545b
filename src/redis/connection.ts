import { Redis } from 'ioredis';
import type { Logger } from 'pino';

/** A Redis client that answers or fails within a second and a half, and keeps reconnecting by itself. */
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
