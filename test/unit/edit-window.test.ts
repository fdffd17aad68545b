/** Removing turns from a window takes five waits for Redis, however many messages go. */
import { setImmediate as next } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { removeFromWindow } from '../../src/memory/window/edit-window.ts';
import type { RedisClient } from '../../src/redis/connection.ts';

test('all messages are removed at once, and no others', async () => {
  const entries = Array.from({ length: 20 }, (_, i) =>
    JSON.stringify({ role: i % 2 ? 'assistant' : 'user', content: `${i}`, messageId: `m${i >> 1}` }),
  );
  const answer = Promise.withResolvers<number>();
  const removed: string[] = [];
  const redis = {
    lrange: async () => entries,
    lrem: (_key: string, _count: number, entry: string) => {
      removed.push(entry);
      return answer.promise;
    },
    eval: async (script: string) => (script.includes('HRANDFIELD') ? [] : [0, 1]),
  } as unknown as RedisClient;
  const scope = { tenantId: 't', agentId: 'a', userId: 'u' };
  const removing = removeFromWindow(redis, scope, new Set(Array.from({ length: 9 }, (_, i) => `m${i}`)));
  await next();
  expect(removed).toEqual(entries.slice(0, 18));
  answer.resolve(1);
  await removing;
});
