import { describe, expect, test } from '@jest/globals';
import * as keys from '../../src/redis/keys.ts';

const T = '11111111-1111-4111-8111-111111111111';

describe('Redis keys', () => {
  test.each([
    ['memoryShortKey', keys.memoryShortKey(T, 'a1', 'u1'), `${T}:memory:short:a1:u1`],
    ['windowSizesKey', keys.windowSizesKey(T), `${T}:memory:sizes`],
    ['rateLimitKey', keys.rateLimitKey(T, 'u1'), `${T}:rate_limit:u1`],
    ['busyNoticeKey', keys.busyNoticeKey(T, 'u1'), `${T}:busy_notice:u1`],
    ['directThreadsKey', keys.directThreadsKey(T, 'a1', 'u1'), `${T}:threads_alone:a1:u1`],
    ['idempotencyKey', keys.idempotencyKey(T, 'm1'), `${T}:idempotency:m1`],
    ['replyPiecesKey', keys.replyPiecesKey(T, 'm1'), `${T}:reply_pieces:m1`],
    ['sessionKey', keys.sessionKey(T, 't1'), `${T}:session:t1`],
    ['engagedThreadKey', keys.engagedThreadKey(T, 't1'), `${T}:engaged:t1`],
    ['escalationStatusKey', keys.escalationStatusKey(T, 't1'), `${T}:escalation:t1`],
    ['pendingToolConfirmKey', keys.pendingToolConfirmKey(T, 't1'), `${T}:tool_confirm:t1`],
  ])('%s', (_name, key, expected) => {
    expect(key).toBe(expected);
  });

  test('an id may contain colons and stars, since all parts before it are fixed', () => {
    expect(keys.memoryShortKey(T, 'a1', 'slack:T1:U1')).toBe(`${T}:memory:short:a1:slack:T1:U1`);
    expect(keys.rateLimitKey(T, '*')).toBe(`${T}:rate_limit:*`);
  });

  test('the key of what is forgotten names nobody, and is as short for a long id', () => {
    const key = keys.memoryErasedKey(T, 'a1', 'u1');
    expect(key).toMatch(new RegExp(`^${T}:memory:erased:[\\w-]{43}$`));
    expect(keys.memoryErasedKey(T, 'a1', 'u'.repeat(200))).toHaveLength(key.length);
    const others = [keys.memoryErasedKey(T, 'a1', 'u2'), keys.memoryErasedKey(T, 'a2', 'u1')];
    expect(new Set([key, ...others]).size).toBe(3);
  });

  test.each([
    ['empty', ''],
    ['too long', 'x'.repeat(201)],
    ['with a line break', 'a\nb'],
    ['with NUL', 'a\u0000b'],
    ['with a lone surrogate', 'a\ud800b'],
  ])('an id that is %s is refused by name', (_name, id) => {
    expect(() => keys.memoryShortKey(T, 'a1', id)).toThrow(/^userId must/);
    expect(() => keys.sessionKey(T, id)).toThrow(/^threadId must/);
  });
});
