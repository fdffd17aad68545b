import { Cluster, Redis, type RedisOptions } from 'ioredis';
import type { Logger } from 'pino';
import { readRedisUrl, type RedisAddress } from './address.ts';

/** One server or a cluster. Every command, script and transaction of ours is about one key. */
export type RedisClient = Redis | Cluster;

const COMMAND_WITHIN_MS = 1_500;
/**
 * A connection that has been silent for so long, though something was asked, is given up. Until then the
 * client keeps each command that it has sent, also those that nobody waits for any more.
 */
const SILENT_FOR_MS = 5_000;
const again = (attempt: number): number => Math.min(50 * attempt, 1_000);

const COMMON = {
  // What can't be sent now fails now: Temporal retries what must not be lost.
  maxRetriesPerRequest: 0,
  commandTimeout: COMMAND_WITHIN_MS,
  socketTimeout: SILENT_FOR_MS,
  connectTimeout: 2_000,
  // IPv4 or IPv6, as the host's name says.
  family: 0,
} satisfies RedisOptions;

/**
 * A Redis client that answers or fails within a second and a half, and keeps reconnecting by itself. Throws
 * when the URL can't be read, and says why.
 */
export function createRedis(redisUrl: string, log: Logger): RedisClient {
  const redis = clientOf(read(redisUrl));
  let isTold = false;
  const tell = (problem: string | undefined): void => {
    if (problem === undefined || isTold) return;
    isTold = true;
    log.error(problem);
  };
  redis.on('error', (error: Error) => {
    log.debug({ err: error }, 'redis');
    const reason = reasonOf(error);
    lastReasons.set(redis, reason);
    if (NO_CLUSTER.test(reason)) tell(NO_CLUSTER_THERE);
  });
  redis.on('ready', () => {
    lastReasons.delete(redis);
    void kindProblem(redis).then(tell);
  });
  return redis;
}

/** Why a client has no connection: a command that fails for want of one doesn't say. */
const lastReasons = new WeakMap<RedisClient, string>();

/** Resolves when commands can be carried out. Rejects with the reason, and what to do where that is known. */
export async function checkRedis(redis: RedisClient): Promise<void> {
  try {
    await redis.ping();
  } catch (error) {
    const reason = lastReasons.get(redis) ?? reasonOf(error);
    throw new Error(NO_CLUSTER.test(reason) ? NO_CLUSTER_THERE : reason, { cause: error });
  }
  const problem = await kindProblem(redis);
  if (problem !== undefined) throw new Error(problem);
}

/** A cluster's error only says that no node could be asked; what the last one said is within. */
function reasonOf(error: unknown): string {
  if (!Error.isError(error)) return String(error);
  return 'lastNodeError' in error && error.lastNodeError ? reasonOf(error.lastNodeError) : error.message;
}

const NO_CLUSTER = /cluster support disabled/;
const NO_CLUSTER_THERE =
  'REDIS_URL says that there is a cluster, and there is none: begin it with redis:// instead of redis+cluster://';

function read(redisUrl: string): RedisAddress {
  try {
    return readRedisUrl(redisUrl);
  } catch (error) {
    throw new Error(`REDIS_URL ${Error.isError(error) ? error.message : 'is invalid'}`, { cause: error });
  }
}

function clientOf(address: RedisAddress): RedisClient {
  const options = { ...COMMON, enableOfflineQueue: false, retryStrategy: again };
  switch (address.kind) {
    case 'server':
      return new Redis(address.url, { ...options, ...(address.tls && { tls: address.tls }) });
    case 'sentinel': {
      const { kind: _kind, tls, ...rest } = address;
      const secure = tls && { tls, sentinelTLS: tls, enableTLSForSentinelMode: true };
      return new Redis({ ...options, ...rest, ...secure, sentinelRetryStrategy: again });
    }
    case 'cluster': {
      const { kind: _kind, nodes, ...access } = address;
      return new Cluster(nodes, {
        redisOptions: { ...COMMON, ...access },
        enableOfflineQueue: false,
        clusterRetryStrategy: again,
        // Names stay names: they are what a node's certificate is for.
        dnsLookup: (host, done) => done(null, host),
      });
    }
  }
}

/** What to set when a client for one server has met a cluster, of which it would reach a part of the keys. */
async function kindProblem(redis: RedisClient): Promise<string | undefined> {
  if (redis instanceof Cluster) return undefined;
  // Refused by a server that is no cluster.
  const info = await redis.cluster('INFO').catch(() => '');
  return Number(/cluster_size:(\d+)/.exec(info)?.[1] ?? 0) > 1
    ? 'REDIS_URL leads to a Redis Cluster: begin it with redis+cluster:// instead of redis://'
    : undefined;
}
