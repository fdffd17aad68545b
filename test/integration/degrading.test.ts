/** An accepted message is answered even when Redis, Postgres or the embedder is down, and nothing is lost. */
import { afterAll, beforeAll, afterEach, describe, expect, jest, test } from '@jest/globals';
import type { Embedder } from '../../src/memory/embedding/embedder.ts';
import { eventually } from '../support/eventually.ts';
import { HARMS, startProxy, type Proxy } from '../support/proxy.ts';
import { databaseUrl, redisUrl } from '../support/services.ts';
import { startSystem, type System } from '../support/system.ts';

jest.setTimeout(60_000);

let system: System;
let redis: Proxy;
let postgres: Proxy;
let stuck: Array<() => void> | undefined;

beforeAll(async () => {
  redis = await startProxy(redisUrl());
  postgres = await startProxy(databaseUrl());
  system = await startSystem({
    holdFollowersMs: 3_000,
    worker: { redis, postgres, embedder: stuckOnDemand },
  });
});
afterEach(() => {
  redis.restore();
  postgres.restore();
  release();
});
afterAll(async () => {
  await system.stop();
  await Promise.all([redis.close(), postgres.close()]);
});

/** An embedder whose thread hangs: while `stuck` is set, nothing resolves until `release`. */
function stuckOnDemand(real: Embedder): Embedder {
  return {
    ...real,
    embed: async (...args) => {
      if (stuck) await new Promise<void>((resolve) => stuck?.push(resolve));
      return real.embed(...args);
    },
  };
}
const release = () => {
  for (const go of stuck ?? []) go();
  stuck = undefined;
};

const say = async (userId: string, text: string) => {
  const { status, body } = await system.say(text, { userId });
  return {
    status,
    text: (body['reply'] as { text: string }).text,
    missing: body['missing'],
  };
};
const memoryOf = async (userId: string) =>
  (await system.memoryOf(userId)).body as {
    window: Array<{ role: string; content: string }>;
    memories: Array<{ content: string }>;
  };
/** Waits until both messages of each text are in the window in this order, and in memory once. */
const complete = (userId: string, texts: string[]) =>
  eventually(
    async () => {
      const { window, memories } = await memoryOf(userId);
      const expected = texts.flatMap((text) => [text, `Noted: ${text}`]);
      if (window.length !== expected.length || memories.length !== expected.length) return false;
      expect(window.map(({ content }) => content)).toEqual(expected);
      expect(memories.map(({ content }) => content).toSorted()).toEqual(expected.toSorted());
      return true;
    },
    { timeoutMs: 30_000 },
  );

describe.each(HARMS)('with Redis %s', (how, harm) => {
  test('the reply goes out meanwhile and names what was missing; then all is there, in order', async () => {
    const userId = `redis-${how}`;
    await say(userId, 'first');
    await complete(userId, ['first']);
    harm(redis);
    const second = await say(userId, 'second');
    expect(second).toMatchObject({ status: 200, text: 'Noted: second', missing: ['window', 'append'] });
    const third = await say(userId, 'third');
    expect(third).toMatchObject({ text: 'Noted: third', missing: ['window', 'append'] });
    redis.restore();
    await complete(userId, ['first', 'second', 'third']);
  });
});

describe.each(HARMS)('with Postgres %s at the worker', (how, harm) => {
  test('the reply goes out meanwhile and names what was missing; then all is there, in order', async () => {
    const userId = `postgres-${how}`;
    await say(userId, 'first');
    await complete(userId, ['first']);
    harm(postgres);
    const second = await say(userId, 'second');
    expect(second).toMatchObject({ status: 200, text: 'Noted: second', missing: ['recall'] });
    // In the ledger the second turn is still open, but the window has its reply already.
    const third = await say(userId, 'third');
    expect(third).toMatchObject({ text: 'Noted: third', missing: ['recall'] });
    postgres.restore();
    await complete(userId, ['first', 'second', 'third']);
  });
});

test('with the embedder stuck the reply uses the window, names what was missing, and is remembered later', async () => {
  await say('stuck', 'first');
  await complete('stuck', ['first']);
  stuck = [];
  const second = await say('stuck', 'second');
  expect(second).toMatchObject({ status: 200, text: 'Noted: second', missing: ['embedding', 'recall'] });
  expect((await memoryOf('stuck')).window).toHaveLength(4);
  release();
  await complete('stuck', ['first', 'second']);
});

test('with all of them down at once the reply is still sent, and everything is stored later', async () => {
  redis.cut();
  postgres.stall();
  stuck = [];
  const first = await say('all', 'first');
  expect(first.missing).toEqual(['window', 'embedding', 'recall', 'append']);
  redis.restore();
  postgres.restore();
  release();
  await complete('all', ['first']);
});
