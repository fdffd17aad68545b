/** What the windows of a tenant take in Redis, and a Redis that is full. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { v4 as randomUuid } from 'uuid';
import { createEngagedThreads } from '../../src/channels/slack/inbound/engaged.ts';
import type { Scope } from '../../src/domain/conversation.ts';
import { fillEmptyWindow, removeFromWindow } from '../../src/memory/window/edit-window.ts';
import { eraseFromWindow, eraseWindow, isKeptOut } from '../../src/memory/window/erase-window.ts';
import { appendTurn, getWindow } from '../../src/memory/window/window.ts';
import { createRedis, type RedisClient } from '../../src/redis/connection.ts';
import { engagedThreadKey, memoryShortKey, windowSizesKey } from '../../src/redis/keys.ts';
import { eventually } from '../support/eventually.ts';
import { redisServers, type RedisServers } from '../support/redis-servers.ts';

let servers: RedisServers;
let redis: RedisClient;
beforeAll(async () => {
  servers = await redisServers();
  const port = await servers.start(['maxmemory-policy noeviction']);
  redis = createRedis(`redis://127.0.0.1:${port}`, pino({ level: 'silent' }));
  await eventually(() => Promise.resolve(redis.status === 'ready'));
});
afterAll(async () => {
  redis.disconnect();
  await servers.stop();
});

const tenant = () => {
  const [tenantId, agentId] = [randomUuid(), randomUuid()];
  return (userId: string): Scope => ({ tenantId, agentId, userId });
};
const turn = (seq: number, text = 'hello') => ({
  ...{ seq, messageId: `m${seq}`, userText: text, replyText: text },
});
const wordsOf = async (scope: Scope) => (await getWindow(redis, scope)).map(({ content }) => content);
const sizesOf = ({ tenantId }: Scope) => redis.hgetall(windowSizesKey(tenantId));
const usedMemory = async () => Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1]);
const isThere = async (scope: Scope) => (await wordsOf(scope)).length > 0;
const sumOf = (sizes: Record<string, string>) =>
  Object.entries(sizes)
    .filter(([window]) => window !== 'all')
    .reduce((sum, [, noted]) => sum + Number.parseInt(noted, 10), 0);

/** So many windows are all compared. */
const users = (count: number) => Array.from({ length: count }, (_, nth) => `slack:T1:U${nth}`);

test('windows of a tenant that takes its share go, those that rested for longest first, and no other tenant’s', async () => {
  const [own, others] = [tenant(), tenant()];
  await appendTurn(redis, others('quiet'), turn(1), { atMost: 22_000 });
  for (const userId of users(9)) {
    await appendTurn(redis, own(userId), turn(1, 'x'.repeat(1_000)), { atMost: 22_000 });
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  const there = await Promise.all(users(9).map((userId) => isThere(own(userId))));
  expect(there).toEqual([false, ...Array.from({ length: 8 }, () => true)]);
  expect(await wordsOf(others('quiet'))).toEqual(['hello', 'hello']);
  const sizes = await sizesOf(own(''));
  expect(Object.keys(sizes)).toHaveLength(9);
  expect(Number(sizes['all'])).toBe(sumOf(sizes));
  expect(Number(sizes['all'])).toBeLessThanOrEqual(22_000);
});

test('however many small windows there are, the largest one finds its place, and stays', async () => {
  const own = tenant();
  const small = users(3_000);
  for (const userId of small) await appendTurn(redis, own(userId), turn(1), { atMost: 4_000_000 });
  const window = Array.from({ length: 20 }, () => ({ role: 'user' as const, content: 'y'.repeat(190_000) }));
  await fillEmptyWindow(redis, own('large'), window, 4_000_000);
  expect(await wordsOf(own('large'))).toHaveLength(20);
  const sizes = await sizesOf(own(''));
  expect(Number(sizes['all'])).toBe(sumOf(sizes));
  expect(Number(sizes['all'])).toBeLessThanOrEqual(4_000_000);
  const there = await Promise.all(small.map((userId) => isThere(own(userId))));
  expect(Object.keys(sizes)).toHaveLength(there.filter(Boolean).length + 2);
});

test('a window counts no less than it takes, however long its user’s id is', async () => {
  const own = tenant();
  const before = await usedMemory();
  for (let nth = 0; nth < 300; nth += 1)
    await appendTurn(redis, own(`${'會'.repeat(197)}${nth}`), turn(1, ''));
  const taken = (await usedMemory()) - before;
  const counted = Number((await sizesOf(own('')))['all']);
  expect(counted).toBeGreaterThan(taken);
  expect(counted).toBeLessThan(2 * taken);
});

test('a size is noted whatever changes a window, and is gone with it', async () => {
  const scope = tenant()('u');
  for (const seq of [1, 2, 3]) await appendTurn(redis, scope, turn(seq));
  const noted = async () => Number((await sizesOf(scope))['all'] ?? 0);
  const three = await noted();
  await eraseFromWindow(redis, scope, 'm2');
  const two = await noted();
  expect(two).toBeLessThan(three);
  await removeFromWindow(redis, scope, new Set(['m1']));
  expect(await noted()).toBeLessThan(two);
  await eraseWindow(redis, scope, 9);
  expect(await redis.exists(windowSizesKey(scope.tenantId))).toBe(0);
});

test('a size that could not be noted is right with the next', async () => {
  const scope = tenant()('u');
  await appendTurn(redis, scope, turn(1));
  await redis.del(memoryShortKey(scope.tenantId, scope.agentId, 'u'));
  await removeFromWindow(redis, scope, new Set(['m1']));
  expect(await sizesOf(scope)).toEqual({});
});

describe('a Redis that is full', () => {
  /** What it holds is some more than it may hold; gives room again. */
  async function whileFull(work: () => Promise<void>): Promise<void> {
    // Again where windows that went before are only being cleared away.
    await eventually(async () => {
      await redis.config('SET', 'maxmemory', String((await usedMemory()) - 100_000));
      return redis.set('one more', 'x').then(
        () => false,
        (error: unknown) => /OOM/.test(String(error)),
      );
    });
    try {
      await work();
    } finally {
      await redis.config('SET', 'maxmemory', '0');
    }
  }

  test('a turn that comes late and finds no room takes none of the others away', async () => {
    const scope = tenant()('u');
    for (const seq of [1, 3]) await appendTurn(redis, scope, turn(seq, `${seq}`));
    await whileFull(async () => {
      await expect(appendTurn(redis, scope, turn(2, '2'))).rejects.toThrow(/OOM/);
    });
    expect(await wordsOf(scope)).toEqual(['1', '1', '3', '3']);
    expect(await appendTurn(redis, scope, turn(2, '2'))).toBe(true);
    expect(await wordsOf(scope)).toEqual(['1', '1', '2', '2', '3', '3']);
  });

  test('somebody is forgotten all the same, and so is one turn, and the others stay', async () => {
    const [scope, nobody] = [tenant()('u'), tenant()('nobody')];
    for (const seq of [1, 2, 3]) await appendTurn(redis, scope, turn(seq, `${seq}`));
    await whileFull(async () => {
      expect(await eraseFromWindow(redis, scope, 'm2')).toBe(2);
      expect(await wordsOf(scope)).toEqual(['1', '1', '3', '3']);
      expect(await eraseWindow(redis, scope, 3)).toBe(2);
      expect(await eraseWindow(redis, nobody, 3)).toBe(0);
    });
    expect(await wordsOf(scope)).toEqual(['3', '3']);
    expect(await isKeptOut(redis, scope, { seq: 3, messageId: 'm2' })).toBe(true);
    expect(await isKeptOut(redis, nobody, { seq: 2, messageId: 'm2' })).toBe(true);
  });

  test('a tenant that is beyond its share gives way, and others go on', async () => {
    const [own, others] = [tenant(), tenant()];
    for (const userId of users(50)) await appendTurn(redis, own(userId), turn(1, 'x'.repeat(10_000)));
    await whileFull(async () => {
      const refused = appendTurn(redis, own('one more'), turn(1), { atMost: 500_000 });
      await expect(refused).rejects.toThrow(/OOM/);
      expect(Number((await sizesOf(own('')))['all'])).toBeLessThanOrEqual(500_000);
      expect(await appendTurn(redis, others('quiet'), turn(1), { atMost: 500_000 })).toBe(true);
    });
  });

  test('an agent goes on in a thread that could not be marked', async () => {
    const threads = createEngagedThreads(redis, (_owner, _signal, work) => work());
    const thread = { tenantId: randomUuid(), threadId: 'slack:T1:C1:1.1' };
    const message = { channel: 'C1', threadTs: '1.1', user: 'U1' };
    const installation = { tenantId: thread.tenantId, agentId: 'a1', botUserId: 'UB' } as never;
    await whileFull(async () => {
      await expect(threads.mark(thread, 'a1')).rejects.toThrow(/OOM/);
      expect(await threads.isEngaged(message, thread, installation)).toBe(true);
      expect(await threads.isEngaged(message, thread, installation)).toBe(true);
    });
    // From now on every process knows it, until another agent is mentioned there.
    expect(await threads.isEngaged(message, thread, installation)).toBe(true);
    const key = engagedThreadKey(thread.tenantId, thread.threadId);
    expect(await redis.get(key)).toBe('a1');
    await whileFull(() => expect(threads.mark(thread, 'a1')).rejects.toThrow(/OOM/));
    await redis.set(key, 'a2');
    expect(await threads.isEngaged(message, thread, installation)).toBe(false);
    expect(await redis.get(key)).toBe('a2');
    await redis.del(key);
    expect(await threads.isEngaged(message, thread, installation)).toBe(false);
  });
});
