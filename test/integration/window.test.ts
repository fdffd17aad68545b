import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { Redis } from 'ioredis';
import { memoryErasedKey, memoryShortKey } from '../../src/redis/keys.ts';
import { eraseFromWindow, eraseWindow } from '../../src/memory/window/erase-window.ts';
import { appendMessage, appendTurn, getRecentMessages } from '../../src/memory/window/window.ts';
import { connectRedis, newScope } from '../support/services.ts';

let redis: Redis;
beforeAll(async () => {
  redis = await connectRedis();
});
afterAll(() => redis.disconnect());

type TestScope = ReturnType<typeof newScope>;
const keptOutKey = ({ tenantId, agentId, userId }: TestScope) => memoryErasedKey(tenantId, agentId, userId);
const recent = ({ tenantId, agentId, userId }: TestScope, n?: number) =>
  getRecentMessages(redis, tenantId, agentId, userId, n);
const append = ({ tenantId, agentId, userId }: TestScope, content: string, window?: number) =>
  appendMessage(redis, tenantId, agentId, userId, 'user', content, window);
const turn = (seq: number) => ({ seq, messageId: `m${seq}`, userText: `q${seq}`, replyText: `a${seq}` });
const contents = async (scope: TestScope) => (await recent(scope)).map(({ content }) => content);

describe('the window', () => {
  test('of an unknown scope is empty', async () => {
    expect(await recent(newScope())).toEqual([]);
  });

  test('keeps the last 20, oldest first, verbatim', async () => {
    const scope = newScope();
    for (let i = 0; i < 25; i += 1) await append(scope, `“${i}”\n\t\\"quoted" 日本語 🎉`);
    const messages = await recent(scope);
    expect(messages).toHaveLength(20);
    expect(messages[0]).toEqual({ role: 'user', content: '“5”\n\t\\"quoted" 日本語 🎉' });
    expect(messages[19]?.content).toContain('“24”');
    expect(await recent(scope, 3)).toEqual(messages.slice(-3));
    expect(await recent(scope, 0)).toEqual([]);
  });

  test('window = 5 keeps 5', async () => {
    const scope = newScope();
    for (let i = 0; i < 8; i += 1) await append(scope, String(i), 5);
    expect(await contents(scope)).toEqual(['3', '4', '5', '6', '7']);
  });

  test('has no expiry and a key that starts with the tenant', async () => {
    const scope = newScope();
    await append(scope, 'kept');
    const key = memoryShortKey(scope.tenantId, scope.agentId, scope.userId);
    expect(key).toBe(`${scope.tenantId}:memory:short:${scope.agentId}:${scope.userId}`);
    expect(await redis.ttl(key)).toBe(-1);
  });
});

describe('appendTurn', () => {
  test('a repeated append changes nothing', async () => {
    const scope = newScope();
    for (const seq of [1, 2, 2, 1]) await appendTurn(redis, scope, turn(seq));
    expect(await contents(scope)).toEqual(['q1', 'a1', 'q2', 'a2']);
  });

  test('a final append overwrites a provisional one, never the other way round', async () => {
    const scope = newScope();
    const said = (seq: number, replyText: string) => ({ ...turn(seq), replyText });
    for (const seq of [1, 2, 3, 3])
      expect(await appendTurn(redis, scope, turn(seq), { isFinal: false })).toBe(true);
    expect(await appendTurn(redis, scope, said(2, 'final'))).toBe(true);
    expect(await appendTurn(redis, scope, said(2, 'stale'), { isFinal: false })).toBe(false);
    expect(await contents(scope)).toEqual(['q1', 'a1', 'q2', 'final', 'q3', 'a3']);
  });

  test('a late turn is inserted at the position of its sequence number', async () => {
    const scope = newScope();
    for (const seq of [1, 4, 2, 3]) await appendTurn(redis, scope, turn(seq));
    expect(await contents(scope)).toEqual(['q1', 'a1', 'q2', 'a2', 'q3', 'a3', 'q4', 'a4']);
  });

  test('a repeated append does not restore a turn that was trimmed', async () => {
    const scope = newScope();
    for (let seq = 1; seq <= 13; seq += 1) await appendTurn(redis, scope, turn(seq));
    const before = await contents(scope);
    for (const seq of [1, 2, 3]) await appendTurn(redis, scope, turn(seq));
    expect(await contents(scope)).toEqual(before);
    expect(before).toHaveLength(20);
    expect(before[0]).toBe('q4');
  });

  test('foreign entries don’t prevent appends', async () => {
    const scope = newScope();
    const key = memoryShortKey(scope.tenantId, scope.agentId, scope.userId);
    await redis.rpush(key, 'not json', '"text"', 'null');
    for (const seq of [2, 1]) await appendTurn(redis, scope, turn(seq));
    const entries = await redis.lrange(key, 0, -1);
    expect(entries.slice(0, 3)).toEqual(['not json', '"text"', 'null']);
    const turns = entries.slice(3).map((entry) => JSON.parse(entry) as { content: string });
    expect(turns.map(({ content }) => content)).toEqual(['q1', 'a1', 'q2', 'a2']);
  });

  test('concurrent appends of one turn leave it once', async () => {
    const scope = newScope();
    await Promise.all([3, 1, 2, 3, 1, 2, 3].map((seq) => appendTurn(redis, scope, turn(seq))));
    expect(await contents(scope)).toEqual(['q1', 'a1', 'q2', 'a2', 'q3', 'a3']);
  });
});

describe('a turn that is forgotten', () => {
  test('is not written, neither from before an erasure nor as the one that was forgotten', async () => {
    const scope = newScope();
    await appendTurn(redis, scope, turn(3));
    expect(await eraseWindow(redis, scope, 3)).toBe(0);
    // An erasure that is repeated late lets nothing in again.
    await eraseWindow(redis, scope, 2);
    expect(await eraseFromWindow(redis, scope, 'm5')).toBe(0);
    expect(await appendTurn(redis, scope, turn(2))).toBe(false);
    expect(await appendTurn(redis, scope, turn(5))).toBe(false);
    expect(await appendTurn(redis, scope, turn(4))).toBe(true);
    expect(await contents(scope)).toEqual(['q3', 'a3', 'q4', 'a4']);
  });

  test('is taken out again when it is forgotten while it is being written', async () => {
    const scope = newScope();
    const look = jest.spyOn(redis, 'hmget').mockImplementationOnce(async () => {
      await redis.hset(keptOutKey(scope), 'm1', '1');
      return [null, null];
    });
    expect(await appendTurn(redis, scope, turn(1))).toBe(false);
    look.mockRestore();
    expect(await contents(scope)).toEqual([]);
  });

  test('an append that came after all, though nobody had its answer, is taken out by the next try', async () => {
    const scope = newScope();
    await appendTurn(redis, scope, turn(1));
    // The erasure has looked once more by now.
    await redis.hset(keptOutKey(scope), 'm1', '1');
    expect(await appendTurn(redis, scope, turn(1))).toBe(false);
    expect(await contents(scope)).toEqual([]);
  });

  test('is kept out for nine days', async () => {
    const scope = newScope();
    await eraseFromWindow(redis, scope, 'm1');
    await redis.expire(keptOutKey(scope), 60);
    await eraseFromWindow(redis, scope, 'm2');
    expect(await redis.hkeys(keptOutKey(scope))).toEqual(['m1', 'm2']);
    expect(await redis.ttl(keptOutKey(scope))).toBeGreaterThan(8 * 24 * 3_600);
    // From the erasure's end on, when nothing can come late any more.
    await redis.expire(keptOutKey(scope), 60);
    await eraseWindow(redis, scope, 1, false);
    expect(await redis.hkeys(keptOutKey(scope))).toEqual(['m1', 'm2']);
    expect(await redis.ttl(keptOutKey(scope))).toBeGreaterThan(8 * 24 * 3_600);
  });
});
