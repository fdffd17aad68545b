/** A reply as server-sent events, out of a durable turn. */
import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { afterAll, describe, expect, test } from '@jest/globals';
import { replyPiecesKey } from '../../src/redis/keys.ts';
import { eventually } from '../support/eventually.ts';
import { namesOf, readEvents, textOf, type EventReader } from '../support/events.ts';
import { chunk, fail, noted } from '../support/fake-llm.ts';
import { startForgetting } from '../support/forgetting.ts';
import { startProxy } from '../support/proxy.ts';
import { createTestTenant, redisUrl } from '../support/services.ts';
import { AS_OPERATOR } from '../support/system.ts';

const redisOfApi = await startProxy(redisUrl());
const forgetting = await startForgetting({ api: { redis: redisOfApi }, waitingRequests: 4 });
const { system } = forgetting;
afterAll(async () => {
  await system.stop();
  await redisOfApi.close();
});

/** A model that says its pieces when it is told to. */
function heldModel(pieces: readonly string[]) {
  const asked: ServerResponse[] = [];
  system.llm.answerWith(() => (res) => {
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    asked.push(res);
  });
  let said = 0;
  return {
    asked: (n = 1) => eventually(() => asked.length >= n),
    say: () => asked.at(-1)?.write(chunk({ content: pieces[said++] ?? '' })),
    finish() {
      for (; said < pieces.length; said += 1) asked.at(-1)?.write(chunk({ content: pieces[said] ?? '' }));
      asked.at(-1)?.end(`${chunk({}, 'stop')}data: [DONE]\n\n`);
    },
    again: () => (said = 0),
    breakOff: () => asked.at(-1)?.destroy(),
  };
}
const authorized = (headers: Record<string, string> = {}) => ({
  headers: { authorization: `Bearer ${system.apiKey}`, ...headers },
});
const send = (text: string, headers: Record<string, string> = {}) =>
  readEvents(`${system.baseUrl}/v1/agents/${system.agent.id}/messages`, {
    method: 'POST',
    body: JSON.stringify({ userId: `user-${randomUUID()}`, text }),
    ...authorized({ 'content-type': 'application/json', ...headers }),
  });
const idOf = ({ seen }: EventReader): string => String(seen[0]?.data['messageId']);
const follow = (messageId: string, lastId?: string) =>
  readEvents(
    `${system.baseUrl}/v1/messages/${messageId}`,
    authorized(lastId === undefined ? {} : { 'last-event-id': lastId }),
  );
// A model's client keeps back what may be the end of a text: spaces stand before words.
const PIECES = ['One', ' two', ' three', ' four.'];
const ALL = PIECES.join('');

describe('a message that is sent with Accept: text/event-stream', () => {
  test('gets its reply while it grows, and in the end what GET gives', async () => {
    const model = heldModel(PIECES);
    const reader = await send('Count');
    expect(reader.headers.get('content-type')).toMatch(/^text\/event-stream/);
    await model.asked();
    expect(namesOf(reader.seen)).toEqual(['accepted']);
    model.say();
    await reader.sees('delta');
    expect(textOf(reader.seen)).toBe('One');
    model.finish();
    await reader.ended;
    expect(namesOf(reader.seen)).toEqual(['accepted', 'delta', 'done']);
    expect(textOf(reader.seen)).toBe(ALL);
    const { body } = await system.request('GET', `/v1/messages/${idOf(reader)}`);
    expect(reader.seen.at(-1)?.data).toEqual(body);
    expect(body['answer']).toMatchObject({ model: 'scripted' });
    expect(new Set(reader.seen.map(({ id }) => id)).size).toBe(reader.seen.length);
  });

  test('is refused as any other, before a stream begins', async () => {
    const reader = await send('');
    expect(reader.status).toBe(400);
    expect(reader.headers.get('content-type')).toMatch(/problem\+json/);
  });

  test('that fails for good ends with what the person is told', async () => {
    system.llm.answerWith(() => fail(401));
    const reader = await send('Never');
    await reader.ended;
    expect(reader.seen.at(-1)).toMatchObject({
      name: 'failed',
      data: { state: 'failed', reply: { text: expect.stringMatching(/does not accept my key/) } },
    });
  });
});

describe('a reader that comes back', () => {
  test('goes on behind its last event, and once it has the end it is told that there is no more', async () => {
    const model = heldModel(PIECES);
    const first = await send('Count');
    await model.asked();
    model.say();
    await first.sees('delta');
    first.drop();
    model.say();
    const second = await follow(idOf(first), first.seen.at(-1)?.id);
    await second.sees('delta');
    second.drop();
    model.finish();
    const third = await follow(idOf(first), second.seen.at(-1)?.id);
    await third.ended;
    expect(textOf([...first.seen, ...second.seen, ...third.seen])).toBe(ALL);
    expect(namesOf([...second.seen, ...third.seen])).toEqual(['delta', 'done']);
    // Each event it may have lost the rest behind.
    for (const [i, { id }] of [...first.seen, ...second.seen, ...third.seen].entries()) {
      const late = await follow(idOf(first), id);
      await late.ended;
      const before = [...first.seen, ...second.seen, ...third.seen].slice(0, i + 1);
      expect(textOf([...before, ...late.seen])).toBe(ALL);
      expect(namesOf(late.seen)).not.toContain('reset');
      expect(late.status).toBe(id === 'end-done' ? 204 : 200);
    }
    for (const strange of ['', '5', '4-AAAAAAAAAAAAAAAA', '99999999999-x', '☃']) {
      const late = await follow(idOf(first), encodeURIComponent(strange) || ' ');
      await late.ended;
      expect(textOf(late.seen)).toBe(ALL);
    }
  });

  test('hears of the reply to a message that was retried after it had failed', async () => {
    system.llm.answerWith(() => fail(400));
    const first = await send('Fail');
    await first.ended;
    const failed = first.seen.at(-1)?.id;
    const comeBack = async () => {
      const reader = await follow(idOf(first), failed);
      await reader.ended;
      return reader;
    };
    await eventually(async () => (await comeBack()).status === 204);
    const model = heldModel(PIECES);
    expect((await system.request('POST', `/v1/messages/${idOf(first)}/retry`)).status).toBe(202);
    const second = await follow(idOf(first), failed);
    await model.asked();
    model.say();
    await second.sees('delta');
    model.finish();
    await second.ended;
    for (const reader of [second, await comeBack()]) {
      expect([namesOf(reader.seen).at(-1), textOf(reader.seen)]).toEqual(['done', ALL]);
    }
    expect((await follow(idOf(first), second.seen.at(-1)?.id)).status).toBe(204);
  });

  test('hears of an attempt that starts over', async () => {
    const model = heldModel(PIECES);
    const reader = await send('Count');
    await model.asked();
    model.say();
    await reader.sees('delta');
    model.breakOff();
    await model.asked(2);
    model.again();
    await reader.sees('reset');
    model.finish();
    await reader.ended;
    expect(namesOf(reader.seen)).toEqual(['accepted', 'delta', 'reset', 'delta', 'done']);
    expect(textOf(reader.seen)).toBe(ALL);
  });

  test('has the reply in one piece while the API has no Redis', async () => {
    const model = heldModel(PIECES);
    redisOfApi.cut();
    const reader = await send('Count');
    await model.asked();
    model.finish();
    await reader.ended;
    redisOfApi.restore();
    expect(namesOf(reader.seen)).toEqual(['accepted', 'delta', 'done']);
    expect(textOf(reader.seen)).toBe(ALL);
  });
});

describe('who may not follow a message', () => {
  test('finds none: another tenant, another chat key, nobody', async () => {
    system.llm.answerWith(noted);
    const reader = await send('Mine');
    await reader.ended;
    const other = await createTestTenant(system.database.pool);
    const issued = await system.request(
      'POST',
      `/v1/tenants/${system.tenantId}/api-keys`,
      { role: 'chat' },
      AS_OPERATOR,
    );
    for (const at of ['', '/events']) {
      const url = `${system.baseUrl}/v1/messages/${idOf(reader)}${at}`;
      for (const [key, status] of [
        [other.apiKey, 404],
        [String(issued.body['apiKey']), 404],
        ['nobody', 401],
      ] as const) {
        for (const lastId of ['end-done', '0-x']) {
          const headers = { authorization: `Bearer ${key}`, 'last-event-id': lastId };
          const foreign = await readEvents(url, { headers });
          await foreign.ended;
          expect([foreign.status, foreign.seen]).toEqual([status, []]);
        }
      }
    }
  });
});

test('streams are bounded, together with waits for erasures, and one that ends gives its place back', async () => {
  const model = heldModel(PIECES);
  const readers = await Promise.all(Array.from({ length: 4 }, () => send('Wait')));
  const before = system.llm.prompts.length;
  const refused = await send('Too many');
  expect(refused.status).toBe(429);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  const erasureWaits = async () =>
    (await forgetting.forget(`user-${randomUUID()}`, '', 'wait=1')).headers.has('preference-applied');
  expect(await erasureWaits()).toBe(false);
  await model.asked(4);
  expect(system.llm.prompts.length).toBeGreaterThanOrEqual(before);
  for (const reader of readers) reader.drop();
  await eventually(async () => {
    const reader = await follow(idOf(readers[0] ?? refused));
    reader.drop();
    return reader.status === 200;
  });
  await eventually(erasureWaits);
  system.llm.answerWith(noted);
});

test('what is forgotten while it grows leaves no piece behind, and its reader is told', async () => {
  const secret = `secret${randomUUID().replaceAll('-', '')}`;
  const model = heldModel([secret, ' and more']);
  const userId = `user-${randomUUID()}`;
  const reader = await readEvents(`${system.baseUrl}/v1/agents/${system.agent.id}/messages`, {
    method: 'POST',
    body: JSON.stringify({ userId, text: 'Tell' }),
    ...authorized({ 'content-type': 'application/json' }),
  });
  await model.asked();
  model.say();
  await reader.sees('delta');
  const key = replyPiecesKey(system.tenantId, idOf(reader));
  expect(JSON.stringify(await system.redis.xrange(key, '-', '+'))).toContain(secret);
  expect(await system.redis.pttl(key)).toBeGreaterThan(0);
  await forgetting.finished(await forgetting.forget(userId, '', ''));
  await reader.ended;
  expect(reader.seen.at(-1)?.name).toBe('failed');
  expect(await system.redis.exists(key)).toBe(0);
}, 120_000);

test('a reader that takes nothing holds up nobody else', async () => {
  system.llm.answerWith(() => 'x'.repeat(150_000));
  const slow = await fetch(`${system.baseUrl}/v1/agents/${system.agent.id}/messages`, {
    method: 'POST',
    body: JSON.stringify({ userId: 'slow', text: 'All of it' }),
    ...authorized({ 'content-type': 'application/json', accept: 'text/event-stream' }),
  });
  const other = await send('All of it');
  await other.ended;
  expect(textOf(other.seen)).toHaveLength(150_000);
  await slow.body?.cancel();
});
