/** The console's session: which cookie is taken, and for how long. */
import { createSecretKey, randomBytes } from 'node:crypto';
import { expect, test } from '@jest/globals';
import type { Request, Response } from 'express';
import { createSessions, SESSION_COOKIE, SESSION_MS, type Session } from '../../src/api/session.ts';
import { NO_KEYS, type KeyRing, type RingKey } from '../../src/config/index.ts';

const key = (id: string): RingKey => ({ id, secret: createSecretKey(randomBytes(32)) });
const ring = (...keys: [RingKey, ...RingKey[]]): KeyRing => ({
  encrypt: keys[0],
  decrypt: new Map(keys.map((one) => [one.id, one])),
  readsClear: false,
});
const requestWith = (cookie = ''): Request =>
  ({
    get: (name: string) => (name === 'cookie' ? cookie : undefined),
    protocol: 'http',
  }) as unknown as Request;

const SESSION: Session = { kind: 'key', hash: randomBytes(32) };

/** The cookie that begins a session. */
function begun(keys: KeyRing, now?: () => number): string {
  let cookie = '';
  const res = { cookie: (name: string, value: string) => (cookie = `${name}=${value}`) };
  createSessions(keys, now).begin(requestWith(), res as unknown as Response, SESSION);
  return cookie;
}

test('is taken by every process that has the key, also when another key encrypts by now', () => {
  const [old, young] = [key('2026.1'), key('2026-2')];
  const cookie = begun(ring(old));
  for (const keys of [ring(old), ring(old, young), ring(young, old)])
    expect(createSessions(keys).of(requestWith(`a=b; ${cookie}; c=d`))).toEqual(SESSION);
  expect(createSessions(ring(young)).of(requestWith(cookie))).toBeUndefined();
  expect(createSessions(ring(key('2026.1'))).of(requestWith(cookie))).toBeUndefined();
});

test('ends after twelve hours', () => {
  const keys = ring(key('k'));
  const cookie = begun(keys, () => 1_000);
  const at = (time: number) => createSessions(keys, () => time).of(requestWith(cookie));
  expect(at(1_000 + SESSION_MS - 1)).toEqual(SESSION);
  expect(at(1_000 + SESSION_MS)).toBeUndefined();
});

test.each(['', 'x', 'k', 'k.', '.', `k.${'A'.repeat(60)}`, 'k.AAAA', 'k.…', `k.${'A'.repeat(5_000)}`])(
  'is none in the cookie %j',
  (value) => {
    const sessions = createSessions(ring(key('k')));
    expect(sessions.of(requestWith(`${SESSION_COOKIE}=${value}`))).toBeUndefined();
  },
);

test('begins for nobody without a key that encrypts', () => {
  expect(createSessions(NO_KEYS).canBegin).toBe(false);
  expect(() => begun(NO_KEYS)).toThrow(/no key/);
});
