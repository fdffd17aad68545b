/** The console's session: which cookie is taken, and for how long. */
import { createSecretKey, randomBytes } from 'node:crypto';
import { expect, test } from '@jest/globals';
import type { Request, Response } from 'express';
import { createSessions, SESSION_COOKIE, SESSION_MS, type Session } from '../../src/api/session.ts';
import { NO_KEYS, type KeyRing, type RingKey } from '../../src/config/index.ts';
import { deriveKey, encrypt } from '../../src/lib/encrypt.ts';

const key = (id: string): RingKey => ({ id, secret: createSecretKey(randomBytes(32)) });
const ring = (...keys: [RingKey, ...RingKey[]]): KeyRing => ({
  encrypt: keys[0],
  decrypt: new Map(keys.map((one) => [one.id, one])),
  readsClear: false,
});
const requestWith = (cookie = '', protocol = 'http'): Request =>
  ({
    get: (name: string) => (name === 'cookie' ? cookie : undefined),
    protocol,
  }) as unknown as Request;

const SESSION: Session = { kind: 'key', id: 'the key', hash: randomBytes(32) };

/** The cookie that begins a session. */
function begun(keys: KeyRing, now?: () => number, protocol?: 'https'): string {
  let cookie = '';
  const res = { cookie: (name: string, value: string) => (cookie = `${name}=${value}`) };
  createSessions(keys, now).begin(requestWith('', protocol), res as unknown as Response, SESSION);
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

test('by https it is the cookie that no other host of the domain can set, and no other cookie', () => {
  const keys = ring(key('k'));
  const sessions = createSessions(keys);
  const [plain, secure] = [begun(keys), begun(keys, undefined, 'https')];
  expect(secure).toMatch(/^__Host-konstruct_session=/);
  expect(sessions.of(requestWith(secure, 'https'))).toEqual(SESSION);
  expect(sessions.of(requestWith(plain, 'https'))).toBeUndefined();
  expect(sessions.of(requestWith(`${plain}; ${secure}`, 'https'))).toEqual(SESSION);
  expect(sessions.of(requestWith(secure))).toBeUndefined();
});

test('of another version is none', () => {
  const one = key('k');
  const before = { kind: 'key', hash: SESSION.hash.toString('base64'), until: 2_000 };
  const label = 'konstruct console session';
  const sealed = encrypt(deriveKey(one.secret, label), Buffer.from(JSON.stringify(before)), label);
  const cookie = `${SESSION_COOKIE}=k.${Buffer.from(sealed).toString('base64url')}`;
  expect(createSessions(ring(one), () => 1_000).of(requestWith(cookie))).toBeUndefined();
});

test('begins for nobody without a key that encrypts', () => {
  expect(createSessions(NO_KEYS).canBegin).toBe(false);
  expect(() => begun(NO_KEYS)).toThrow(/no key/);
});
