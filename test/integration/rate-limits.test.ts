/** Rate limits per user and per tenant, settable per tenant, and without effect while Redis is down. */
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { DEFAULT_RATE_LIMITS, type RateLimits } from '../../src/domain/rate-limits.ts';
import { createRateLimiter } from '../../src/intake/rate-limiter.ts';
import { createRedis } from '../../src/redis/connection.ts';
import { rateLimitKey } from '../../src/redis/keys.ts';
import { eventually } from '../support/eventually.ts';
import { HARMS, startProxy, type Proxy } from '../support/proxy.ts';
import { connectRedis, createTestTenant, redisUrl } from '../support/services.ts';
import { AS_OPERATOR, startSystem, type System } from '../support/system.ts';

describe('the limiter', () => {
  let proxy: Proxy;
  let redis: ReturnType<typeof createRedis>;
  beforeAll(async () => {
    proxy = await startProxy(redisUrl());
    redis = createRedis(proxy.through(redisUrl()), pino({ level: 'silent' }));
    await eventually(async () => redis.status === 'ready');
  });
  afterEach(() => proxy.restore());
  afterAll(async () => {
    redis.disconnect();
    await proxy.close();
  });
  const limiterOf = (limits: RateLimits) =>
    createRateLimiter({ redis, limitsOf: async () => limits, hasRoom: async () => undefined });
  const limiter = (limits: RateLimits) => limiterOf(limits).count;
  const unlimited = { burst: 1_000, perMinute: 1_000 };

  test('allows the default burst of 60, then gives the delay until the next: a second', async () => {
    const limit = limiter(DEFAULT_RATE_LIMITS);
    const tenantId = randomUUID();
    const answers = await Promise.all(Array.from({ length: 70 }, () => limit(tenantId, 'ada')));
    // The limit refills by one each second, also while the burst is being sent.
    expect(answers.filter((answer) => answer === undefined).length).toBeGreaterThanOrEqual(60);
    expect(answers.filter((answer) => answer === undefined).length).toBeLessThanOrEqual(62);
    const refused = answers.find((answer) => answer !== undefined);
    expect(refused?.limit).toBe('user');
    expect(refused?.retryAfterMs).toBeGreaterThan(0);
    expect(refused?.retryAfterMs).toBeLessThanOrEqual(1_000);
  });

  test('after the given delay one message passes, and only one', async () => {
    const limit = limiter({ user: { burst: 2, perMinute: 120 }, tenant: unlimited });
    const tenantId = randomUUID();
    await limit(tenantId, 'ada');
    await limit(tenantId, 'ada');
    const refused = await limit(tenantId, 'ada');
    if (!refused) throw new Error('the third message passed');
    await new Promise((resolve) => setTimeout(resolve, refused.retryAfterMs + 5));
    expect(await limit(tenantId, 'ada')).toBeUndefined();
    expect(await limit(tenantId, 'ada')).toBeDefined();
  });

  test('limits each user, and a tenant as a whole; a user’s id can’t form the tenant’s key', async () => {
    const limit = limiter({ user: { burst: 2, perMinute: 1 }, tenant: { burst: 5, perMinute: 1 } });
    const tenantId = randomUUID();
    const send = async (userId: string) => (await limit(tenantId, userId))?.limit;
    expect(await Promise.all(['ada', 'ada', 'ada'].map(send))).toEqual([undefined, undefined, 'user']);
    expect(await send('eve')).toBeUndefined();
    expect(await send('tenant_rate_limit')).toBeUndefined();
    expect(await send('*')).toBeUndefined();
    expect(await send('bob')).toBe('tenant');
    expect(await limit(randomUUID(), 'ada')).toBeUndefined();
  });

  test('can give a message back to user and tenant, and never more than the burst', async () => {
    const limits = { user: { burst: 2, perMinute: 1 }, tenant: { burst: 3, perMinute: 1 } };
    const { count, uncount } = limiterOf(limits);
    const tenantId = randomUUID();
    await uncount(tenantId, 'ada');
    for (let i = 0; i < 10; i += 1) {
      expect(await count(tenantId, 'ada')).toBeUndefined();
      await uncount(tenantId, 'ada');
    }
    const send = async (userId: string) => (await count(tenantId, userId))?.limit;
    expect(await Promise.all(['ada', 'ada', 'ada'].map(send))).toEqual([undefined, undefined, 'user']);
    expect(await Promise.all(['eve', 'bob'].map(send))).toEqual([undefined, 'tenant']);
  });

  test('a message that the tenant’s limit refuses does not count against the user', async () => {
    const limits = { user: { burst: 3, perMinute: 1 }, tenant: { burst: 1, perMinute: 1 } };
    const tenantId = randomUUID();
    const send = async () => (await limiter(limits)(tenantId, 'ada'))?.limit;
    expect([await send(), await send(), await send()]).toEqual([undefined, 'tenant', 'tenant']);
    limits.tenant = { burst: 5, perMinute: 1 };
    expect([await send(), await send(), await send()]).toEqual([undefined, undefined, 'user']);
  });

  test('a raised limit counts from the next message on, however much was spent under the old one', async () => {
    const limits = { user: { burst: 100, perMinute: 1 }, tenant: unlimited };
    const tenantId = randomUUID();
    const send = (userId: string) => limiter(limits)(tenantId, userId);
    for (let i = 0; i < 100; i += 1) expect(await send('ada')).toBeUndefined();
    expect((await send('ada'))?.limit).toBe('user');
    limits.user = { burst: 60, perMinute: 60 };
    expect((await send('ada'))?.retryAfterMs).toBeLessThanOrEqual(1_000);
    await eventually(async () => (await send('ada')) === undefined);
  });

  test('a clock of Redis that was set back locks nobody out', async () => {
    const limit = limiter({ user: { burst: 60, perMinute: 60 }, tenant: unlimited });
    const tenantId = randomUUID();
    const direct = await connectRedis();
    await direct.set(rateLimitKey(tenantId, 'ada'), String(Date.now() + 3_600_000), 'PX', 3_600_000);
    expect((await limit(tenantId, 'ada'))?.retryAfterMs).toBeLessThanOrEqual(1_000);
    await eventually(async () => (await limit(tenantId, 'ada')) === undefined);
    expect(await direct.pttl(rateLimitKey(tenantId, 'ada'))).toBeLessThanOrEqual(60_000);
    direct.disconnect();
  });

  test('its keys expire', async () => {
    const limit = limiter({ user: { burst: 1, perMinute: 60 }, tenant: { burst: 1, perMinute: 60 } });
    const tenantId = randomUUID();
    await limit(tenantId, 'ada');
    const direct = await connectRedis();
    const keys = await direct.keys(`${tenantId}:*`);
    expect(keys.toSorted()).toEqual([`${tenantId}:rate_limit:ada`, `${tenantId}:tenant_rate_limit`]);
    await eventually(async () => (await direct.keys(`${tenantId}:*`)).length === 0);
    direct.disconnect();
  });

  test.each(HARMS)('lets through while Redis is %s', async (_how, harm) => {
    const limit = limiter({ user: { burst: 1, perMinute: 1 }, tenant: unlimited });
    const tenantId = randomUUID();
    harm(proxy);
    for (let i = 0; i < 3; i += 1) expect(await limit(tenantId, 'ada')).toBeUndefined();
    proxy.restore();
    await eventually(async () => redis.status === 'ready');
  });
});

describe('at the API', () => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem();
  });
  afterAll(() => system.stop());

  const limitsAre = async (rateLimits: object) => {
    const { tenantId, apiKey, agent } = await createTestTenant(system.database.pool);
    const path = `/v1/tenants/${tenantId}`;
    const { status, body } = await system.request('PATCH', path, { rateLimits }, AS_OPERATOR);
    expect(status).toBe(200);
    const send = (userId: string, text: string, key?: string) =>
      system.request(
        'POST',
        `/v1/agents/${agent.id}/messages`,
        { userId, text },
        { authorization: `Bearer ${apiKey}`, ...(key && { 'idempotency-key': key }) },
      );
    return { tenantId, body, send };
  };

  test('a message over the limit gets a 429 with Retry-After, starts nothing, and affects no one else', async () => {
    const { tenantId, send } = await limitsAre({ user: { burst: 3, perMinute: 2 } });
    for (let i = 0; i < 3; i += 1) expect((await send('ada', `${i}`)).status).toBe(202);
    const { status, headers, body } = await send('ada', 'too many');
    expect(status).toBe(429);
    expect(headers.get('content-type')).toMatch('application/problem+json');
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    expect(Number(headers.get('retry-after'))).toBeLessThanOrEqual(30);
    expect(body).toMatchObject({ title: 'Too many messages', status: 429, limit: 'user' });
    expect((await send('eve', 'mine')).status).toBe(202);
    const { rows } = await system.database.admin.query('SELECT 1 FROM turns WHERE tenant_id = $1', [
      tenantId,
    ]);
    expect(rows).toHaveLength(4);
  });

  test('a repeat of an accepted message gets its first answer, even over the limit', async () => {
    const { send } = await limitsAre({ user: { burst: 1, perMinute: 1 } });
    const first = await send('ada', 'once', 'key-1');
    expect(first.status).toBe(202);
    expect((await send('ada', 'another', 'key-2')).status).toBe(429);
    const again = await send('ada', 'once', 'key-1');
    expect(again.status).toBe(202);
    expect(again.body).toEqual(first.body);
    expect((await send('ada', 'not the same', 'key-1')).status).toBe(422);
  });

  test('only the operator can read and set a tenant’s limits, one by one', async () => {
    const { tenantId, body } = await limitsAre({ user: { burst: 7 } });
    const { tenant, user } = DEFAULT_RATE_LIMITS;
    expect(body).toEqual({
      id: tenantId,
      name: 'Test',
      rateLimits: { user: { ...user, burst: 7 }, tenant },
      retention: { memoryDays: null, ledgerDays: null },
    });
    const path = `/v1/tenants/${tenantId}`;
    const changes = { name: 'Renamed', rateLimits: { tenant: { perMinute: 9 } } };
    await system.request('PATCH', path, changes, AS_OPERATOR);
    expect((await system.request('GET', path, undefined, AS_OPERATOR)).body).toEqual({
      id: tenantId,
      name: 'Renamed',
      rateLimits: { user: { ...user, burst: 7 }, tenant: { ...tenant, perMinute: 9 } },
      retention: { memoryDays: null, ledgerDays: null },
    });
    expect((await system.request('GET', path)).status).toBe(401);
    expect((await system.request('PATCH', path, { name: 'x' })).status).toBe(401);
    const bad = await system.request('PATCH', path, { rateLimits: { user: { burst: 0 } } }, AS_OPERATOR);
    expect(bad.status).toBe(400);
    expect(bad.body['errors']).toEqual([{ field: 'rateLimits.user.burst', problem: expect.any(String) }]);
    const missing = `/v1/tenants/${randomUUID()}`;
    expect((await system.request('GET', missing, undefined, AS_OPERATOR)).status).toBe(404);
    expect((await system.request('PATCH', missing, {}, AS_OPERATOR)).status).toBe(404);
  });
});
