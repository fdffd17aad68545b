import type { RedisClient } from '../redis/connection.ts';
import { RateLimiterRedis, RateLimiterRes, RLWrapperTimeouts } from 'rate-limiter-flexible';
import { DEFAULT_RATE_LIMITS, type RateLimit, type RateLimits } from '../domain/rate-limits.ts';
import type { HasRoom } from './open-turns.ts';
import { rateLimitKey, tenantRateLimitKey, tenantReadLimitKey } from '../redis/keys.ts';

/** Undefined when a message may pass, else how long its sender should wait, and which limit it has met. */
export type RateLimited = { retryAfterMs: number; limit: 'user' | 'tenant' } | undefined;

/**
 * Counts messages of a user against the user's limit and the tenant's, and what a tenant reads against a
 * limit of its own. Never throws: without Redis, or Postgres, it lets through.
 */
export type RateLimiter = {
  /** Counts one message, or says why not: too many in a time, or too many that are open. */
  count(tenantId: string, userId: string): Promise<RateLimited>;
  /** Undoes one `count` that let a message pass. */
  uncount(tenantId: string, userId: string): Promise<void>;
  /**
   * Counts a request for what is there already, a read or a repeated delivery: a tenant may make as many as
   * it may send messages, and as many as is usual in any case.
   */
  countRead(tenantId: string): Promise<RateLimited>;
};

/** What a message waits for Redis at most; a limiter that hangs must not become the outage. */
const REDIS_BOUND_MS = 250;

/**
 * A limiter on Redis, the same for all API processes. `limitsOf` gives a tenant's limits and may reject,
 * which lets through as well: limits protect the service, they are not part of it.
 */
export function createRateLimiter(dependencies: {
  redis: RedisClient;
  limitsOf: (tenantId: string) => Promise<RateLimits>;
  hasRoom: HasRoom;
}): RateLimiter {
  const { redis, limitsOf, hasRoom } = dependencies;
  // The library has one limiter for each pair of numbers; tenants mostly share the default.
  const limiters = new Map<string, RLWrapperTimeouts>();

  const limiterFor = ({ burst, perMinute }: RateLimit): RLWrapperTimeouts => {
    const name = `${burst}/${perMinute}`;
    const known = limiters.get(name);
    if (known) return known;
    if (limiters.size >= MAX_LIMITERS) limiters.clear();
    const limiter = new RLWrapperTimeouts({
      limiter: tokenBucket(redis, burst, perMinute),
      timeoutMs: REDIS_BOUND_MS,
    });
    limiters.set(name, limiter);
    return limiter;
  };

  /** How long to wait, 0 for not at all; undefined when Redis is away or slow. */
  const retryAfter = async (key: string, limit: RateLimit): Promise<number | undefined> => {
    try {
      await limiterFor(limit).consume(key);
      return 0;
    } catch (refusal) {
      return refusal instanceof RateLimiterRes ? Math.max(1, refusal.msBeforeNext) : undefined;
    }
  };

  const giveBack = (key: string, limit: RateLimit): Promise<unknown> =>
    limiterFor(limit)
      .reward(key)
      .catch(() => undefined);

  return {
    async count(tenantId, userId) {
      const limits = await limitsOf(tenantId).catch(() => undefined);
      if (!limits) return undefined;
      const overOpen = await hasRoom(tenantId, userId).catch(() => undefined);
      if (overOpen) return overOpen;
      const forUser = await retryAfter(rateLimitKey(tenantId, userId), limits.user);
      if (forUser === undefined) return undefined;
      if (forUser > 0) return { retryAfterMs: forUser, limit: 'user' };
      const forTenant = await retryAfter(tenantRateLimitKey(tenantId), limits.tenant);
      if (!forTenant) return undefined;
      await giveBack(rateLimitKey(tenantId, userId), limits.user);
      return { retryAfterMs: forTenant, limit: 'tenant' };
    },
    async uncount(tenantId, userId) {
      const limits = await limitsOf(tenantId).catch(() => undefined);
      if (!limits) return;
      await Promise.all([
        giveBack(rateLimitKey(tenantId, userId), limits.user),
        giveBack(tenantRateLimitKey(tenantId), limits.tenant),
      ]);
    },
    async countRead(tenantId) {
      const limits = await limitsOf(tenantId).catch(() => undefined);
      if (!limits) return undefined;
      const retryAfterMs = await retryAfter(tenantReadLimitKey(tenantId), readLimit(limits));
      return retryAfterMs ? { retryAfterMs, limit: 'tenant' } : undefined;
    },
  };
}

function readLimit({ tenant }: RateLimits): RateLimit {
  const usual = DEFAULT_RATE_LIMITS.tenant;
  return {
    burst: Math.max(tenant.burst, usual.burst),
    perMinute: Math.max(tenant.perMinute, usual.perMinute),
  };
}

const MAX_LIMITERS = 1_000;

function tokenBucket(redis: RedisClient, burst: number, perMinute: number): RateLimiterRedis {
  return new RateLimiterRedis({
    storeClient: redis,
    keyPrefix: '',
    points: burst,
    // How long a whole burst takes to come back; the library counts in seconds and wants at least one.
    duration: Math.max(1, (burst / perMinute) * 60),
    rejectIfRedisNotReady: true,
    customIncrTtlLuaScript: TOKEN_BUCKET,
  });
}

/*
 * The library's own script counts in fixed windows: a full burst at the end of one and another at the start
 * of the next, and then a Retry-After of up to a minute. This one lets a point come back as soon as it is
 * earned (GCRA: one number, the time at which the bucket will be full again). One key, so it runs on a
 * Cluster. A stored time that no bucket of these limits reaches is from slower ones, or from before Redis'
 * clock was set back: then the bucket is empty, and fills from now on.
 *
 * KEYS[1] the bucket · ARGV: 1 points asked for, or given back when it is less than 0, 3 size of the burst, 4
 * seconds in which it refills. Answers as the library expects: points in use (more than the burst is a
 * refusal), and the ms to wait.
 */
const TOKEN_BUCKET = `
local asked, burst = tonumber(ARGV[1]), tonumber(ARGV[3])
local perPoint = tonumber(ARGV[4]) * 1000 / burst
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + tonumber(time[2]) / 1000
local function keep(at)
  local ttl = math.max(1, math.ceil(at - now))
  redis.call('SET', KEYS[1], string.format('%.3f', at), 'PX', ttl)
  return ttl
end
local empty = now + burst * perPoint
local stored = tonumber(redis.call('GET', KEYS[1])) or 0
if stored > empty then
  stored = empty
  keep(stored)
end
local fullAt = math.max(now, stored) + asked * perPoint
local tooEarly = fullAt - empty
if tooEarly > 0 then return {burst + 1, math.ceil(tooEarly)} end
local ttl = keep(fullAt)
return {math.ceil((fullAt - now) / perPoint), ttl}
`;
