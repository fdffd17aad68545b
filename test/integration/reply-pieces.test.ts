/** A growing reply in Redis: what its writers and readers may count on. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Redis } from 'ioredis';
import { replyPiecesKey } from '../../src/redis/keys.ts';
import { createReplyWriter, forgetReplyPieces, readReplyPieces } from '../../src/redis/reply-pieces.ts';
import { createReplyView, NOTHING } from '../../src/intake/reply-view.ts';
import { connectRedis } from '../support/services.ts';

let redis: Redis;
beforeAll(async () => {
  redis = await connectRedis();
});
afterAll(() => redis.disconnect());

const newReply = () => ({ tenantId: randomUUID(), messageId: randomUUID() });
const textOf = async (of: ReturnType<typeof newReply>) =>
  (await readReplyPieces(redis, of, '0')).pieces.map(({ text }) => text).join('');
const ttlOf = ({ tenantId, messageId }: ReturnType<typeof newReply>) =>
  redis.pttl(replyPiecesKey(tenantId, messageId));

test('an attempt’s text arrives in order, whole characters at a time, and expires', async () => {
  const of = newReply();
  const writer = createReplyWriter(redis, of, { scheduledAt: 1 });
  for (const text of ['G', 'G', 'Good ', 'Good \ud83d', 'Good \ud83d\ude00!'])
    expect(await writer.grow(text)).toBe(true);
  const { pieces, last } = await readReplyPieces(redis, of, '0');
  expect(pieces.map(({ at, text }) => [at, text])).toEqual([
    [0, ''],
    [0, 'G'],
    [1, 'ood '],
    [5, '😀!'],
  ]);
  expect(await readReplyPieces(redis, of, last)).toEqual({ pieces: [], last });
  expect(await ttlOf(of)).toBeGreaterThan(300_000);
  await writer.end();
  expect(await ttlOf(of)).toBeLessThanOrEqual(10_000);
});

test('a later attempt takes the place, and an earlier one that still writes is not heard', async () => {
  const of = newReply();
  const [early, idle, late] = [1, 2, 3].map((scheduledAt) => createReplyWriter(redis, of, { scheduledAt }));
  await early?.grow('Good ');
  const { last } = await readReplyPieces(redis, of, '0');
  await late?.grow('Bad ');
  expect(await early?.grow('Good morning')).toBe(false);
  expect(await idle?.grow('Never')).toBe(false);
  await early?.end();
  expect(await ttlOf(of)).toBeGreaterThan(300_000);
  expect(await textOf(of)).toBe('Bad ');
  // Whoever has read the one before is told of the other alone.
  expect((await readReplyPieces(redis, of, last)).pieces.map(({ text }) => text)).toEqual(['', 'Bad ']);
});

test('a text that begins otherwise than it did begins anew', async () => {
  const of = newReply();
  const writer = createReplyWriter(redis, of, { scheduledAt: 1 });
  await writer.grow('A thought');
  await writer.grow('A word');
  const { pieces } = await readReplyPieces(redis, of, '0');
  expect(pieces.map(({ text }) => text)).toEqual(['', 'A word']);
});

test('what is forgotten is gone, and nothing is added to it', async () => {
  const of = newReply();
  const writer = createReplyWriter(redis, of, { scheduledAt: 1 });
  await writer.grow('A secret');
  expect(await forgetReplyPieces(redis, of.tenantId, [of.messageId, randomUUID()])).toBe(1);
  expect(await writer.grow('A secret that goes on')).toBe(false);
  await writer.end();
  expect(await textOf(of)).toBe('');
});

test('many pieces become one, and nobody misses or hears any twice', async () => {
  const of = newReply();
  const writer = createReplyWriter(redis, of, { scheduledAt: 1 });
  const view = createReplyView(NOTHING);
  let [text, heard, after] = ['', '', '0'];
  const listen = async () => {
    const { pieces, last } = await readReplyPieces(redis, of, after);
    after = last;
    for (const event of view.take(pieces)) heard += event.kind === 'delta' ? event.text : '<reset>';
  };
  for (let i = 0; i < 1_200; i += 1) {
    await writer.grow((text += `${i} 🐕 `));
    if (i % 7 === 0) await listen();
    const { pieces } = await readReplyPieces(redis, of, '0');
    expect(pieces.length).toBeLessThanOrEqual(64);
  }
  await listen();
  expect(heard).toBe(text);
  expect(await textOf(of)).toBe(text);
});
