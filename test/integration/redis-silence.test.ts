/** A Redis that is there and says nothing: what was asked of it is let go, and it is found again. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { createRedis } from '../../src/redis/connection.ts';
import { eventually } from '../support/eventually.ts';
import { startProxy, type Proxy } from '../support/proxy.ts';
import { redisUrl } from '../support/services.ts';

let proxy: Proxy;
let redis: Redis;
beforeAll(async () => {
  proxy = await startProxy(redisUrl());
  const client = createRedis(proxy.through(redisUrl()), pino({ level: 'silent' }));
  if (!(client instanceof Redis)) throw new Error('the tests have one server');
  redis = client;
  await eventually(() => redis.status === 'ready');
});
afterAll(async () => {
  redis.disconnect();
  await proxy.close();
});

/** Commands that the client keeps for answers that may come. */
const kept = (): number => Reflect.get(redis, 'commandQueue').length;

test('commands that nobody waits for any more are let go, and later ones are not kept at all', async () => {
  proxy.stall();
  const asked = await Promise.allSettled(Array.from({ length: 500 }, () => redis.ping()));
  expect(asked.filter(({ status }) => status === 'rejected').length).toBe(500);
  await eventually(() => kept() === 0 && redis.status !== 'ready');
  for (let i = 0; i < 500; i += 1) await expect(redis.ping()).rejects.toThrow();
  expect(kept()).toBeLessThan(10);
  proxy.restore();
  await eventually(() => redis.status === 'ready');
  expect(await redis.ping()).toBe('PONG');
});
