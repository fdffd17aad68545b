/** What is read of Slack's answers has a bound, whatever a thread holds. */
import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { afterEach, expect, test } from '@jest/globals';
import { createSlackClient, isAnswerTooLong, MAX_ANSWER_BYTES } from '../../src/channels/slack/client.ts';
import { toChannelError } from '../../src/channels/slack/errors.ts';
import { pageOf as keptOfPage } from '../../src/channels/slack/pages.ts';
import { readThread } from '../../src/channels/slack/inbound/thread-so-far.ts';
import { plainContent } from '../../src/channels/slack/outbound/outbound-text.ts';
import { findPosts, postContent, type Place } from '../../src/channels/slack/outbound/thread-posts.ts';
import { filled } from '../support/hostile-texts.ts';
import { readBody, serve, type HttpServer } from '../support/http-server.ts';

let slack: HttpServer;
afterEach(() => slack.close());

async function clientOf(listener: RequestListener) {
  slack = await serve(listener);
  return createSlackClient({ token: 'xoxb-test', apiUrl: slack.url });
}
const MESSAGE = { user: 'UADA', ts: '1700000001.000100' };
const pageOf = (text: string) => JSON.stringify({ ok: true, messages: [{ ...MESSAGE, text }] });
const QUESTION = { channel: 'C1', ts: '1700000009.000100', threadTs: '1700000001.000100' };
const inThread = { channel: 'C1', ts: '1700000001.000100' };

test('an answer of the longest length is read whole, with its status and headers', async () => {
  const text = 'x'.repeat(MAX_ANSWER_BYTES - Buffer.byteLength(pageOf('')));
  const client = await clientOf((_req, res) =>
    res.setHeader('x-oauth-scopes', 'chat:write').end(pageOf(text)),
  );
  const answer = await client.conversations.replies(inThread);
  // As much of a message as can be quoted.
  expect(answer.messages?.[0]?.text?.length).toBeGreaterThan(20_000);
  expect(answer.messages?.[0]?.text?.length).toBeLessThan(25_000);
  expect(answer.response_metadata?.scopes).toEqual(['chat:write']);
});

test('of a page the newest messages are kept, ours with their names, and all within a bound', async () => {
  const emoji = Array.from({ length: 85 }, () => ({ type: 'emoji', name: 'a', unicode: '1f600' }));
  const blocks = [{ type: 'rich_text', elements: [{ type: 'rich_text_section', elements: emoji }] }];
  const name = { event_type: 'konstruct_reply', event_payload: { turn: 'm', part: 0 } };
  const foreign = { event_type: 'x', event_payload: { [filled('token', 8_000)]: 1 } };
  const reactions = [{ name: 'a', users: Array.from({ length: 500 }, (_, i) => `U${i}`), count: 500 }];
  const messages = Array.from({ length: 300 }, (_, i) => ({
    ...{ user: 'UADA', ts: `1700000${1_000 + i}.000100`, text: filled(':a:', 255), blocks, reactions },
    metadata: i === 5 ? name : foreign,
  }));
  const kept = keptOfPage(Buffer.from(JSON.stringify({ ok: true, messages: messages }))) ?? '';
  expect(kept.length).toBeLessThan(400_000);
  expect(kept).not.toContain('tokentoken');
  const page = JSON.parse(kept) as { messages: Array<(typeof messages)[number]> };
  expect(page.messages.map(({ ts }) => ts)).toEqual(messages.map(({ ts }) => ts));
  expect(page.messages[5]?.metadata).toEqual(name);
  expect(page.messages.at(-1)).toMatchObject({ text: messages[0]?.text, blocks });
  expect(page.messages[0]?.blocks).toBeUndefined();
  // Whatever holds more than that is not parsed at all.
  expect(keptOfPage(Buffer.from(`{"ok":true,"messages":[${'{},'.repeat(500_000)}{}]}`))).toBeUndefined();
});

test.each([
  ['long keys', { [filled('token', 8_000)]: 1 }],
  ['very many values', Object.fromEntries(Array.from({ length: 70_000 }, (_, i) => [`k${i}`, 1]))],
])('any other answer with %s is not parsed', async (_, user) => {
  const client = await clientOf((_req, res) => res.end(JSON.stringify({ ok: true, user })));
  const failure = await client.users.info({ user: 'UADA' }).catch((error: unknown) => error);
  expect(isAnswerTooLong(failure)).toBe(true);
});

test('of a longer one no more is read: its connection is closed, and Slack counts as away', async () => {
  let sent = 0;
  const client = await clientOf(async (_req, res) => {
    const chunk = Buffer.alloc(1_000_000, ' ');
    const closed = once(res, 'close');
    // Without an end: who reads on would read for ever.
    while (!res.destroyed) {
      sent += chunk.length;
      if (!res.write(chunk)) await Promise.race([once(res, 'drain'), closed]);
    }
  });
  const failure = await client.conversations.replies(inThread).catch(toChannelError);
  expect(failure).toMatchObject({ name: 'ChannelError', kind: 'unavailable' });
  // What the system holds between the two comes on top.
  expect(sent).toBeLessThan(20 * MAX_ANSWER_BYTES);
});

test.each([
  ['brackets', `{"ok":true,"messages":[${'['.repeat(500_000)}${']'.repeat(500_000)}]}`],
  ['empty objects', `{"ok":true,"messages":[${'{},'.repeat(500_000)}{}]}`],
])('an answer of %s is not parsed', async (_, body) => {
  const client = await clientOf((_req, res) => res.end(body));
  const failure = await client.conversations.replies(inThread).catch((error: unknown) => error);
  expect(isAnswerTooLong(failure)).toBe(true);
});

test.each(['', 'x', '1'.repeat(1_000_000)])(
  'a message of which Slack says no time was not accepted',
  async (ts) => {
    const client = await clientOf((_req, res) => res.end(JSON.stringify({ ok: true, ts })));
    const address = {
      team: 'T1',
      channel: 'C1',
      threadTs: '1.2',
      eventTs: '1.2',
      surface: 'channel',
    } as const;
    const posted = postContent({ client, address }, { messageId: 'm', part: 0 }, plainContent('Hello'));
    await expect(posted).rejects.toThrow('did not say its ts');
  },
);

test('a thread that is too long to be read is left out', async () => {
  const client = await clientOf((_req, res) => res.end(pageOf('x'.repeat(MAX_ANSWER_BYTES))));
  expect(await readThread(client, QUESTION)).toEqual([]);
});

test('our posts are found in a thread whose people wrote more than one answer may hold', async () => {
  const asked: URLSearchParams[] = [];
  const big = 'x'.repeat(60_000);
  const messages = Array.from({ length: 100 }, (_, i) => ({
    ...{ user: 'UADA', ts: `17000000${10 + i}.000100`, text: big },
    ...(i === 60 && {
      metadata: { event_type: 'konstruct_reply', event_payload: { turn: 'm', part: 0 } },
    }),
  }));
  const client = await clientOf(async (req, res) => {
    const wanted = new URLSearchParams(await readBody(req));
    asked.push(wanted);
    const from = Number(wanted.get('cursor') ?? 0);
    const next = from + Number(wanted.get('limit'));
    const more = next < messages.length && { response_metadata: { next_cursor: String(next) } };
    res.end(JSON.stringify({ ok: true, messages: messages.slice(from, next), ...more }));
  });
  const address = { channel: 'C1', threadTs: '1', eventTs: '1', surface: 'channel' } as const;
  const { posts } = await findPosts({ client, address } as Place, 'm');
  expect([...posts.values()].flat()).toEqual([{ ts: messages[60]?.ts, waiting: false, pieces: 1 }]);
  expect(asked.map((one) => one.get('limit'))).toEqual(['100', '25', '25', '25', '25']);
});

test.each([
  [429, { 'retry-after': '7' }, { kind: 'rate-limited', retryAfterMs: 7_000 }],
  [429, { 'retry-after': '31536000' }, { kind: 'rate-limited', retryAfterMs: 600_000 }],
  [503, {}, { kind: 'unavailable', message: 'Slack is unavailable: HTTP 503' }],
  [204, {}, { kind: 'unavailable', message: 'Slack is unavailable: HTTP 204' }],
])('a %i without a body is understood', async (status, headers, expected) => {
  const client = await clientOf((_req, res) => res.writeHead(status, headers).end());
  expect(await client.conversations.replies(inThread).catch(toChannelError)).toMatchObject(expected);
});
