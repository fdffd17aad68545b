/** What is read of Slack's answers has a bound, whatever a thread holds. */
import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { afterEach, expect, test } from '@jest/globals';
import { createSlackClient, MAX_ANSWER_BYTES } from '../../src/channels/slack/client.ts';
import { toChannelError } from '../../src/channels/slack/errors.ts';
import { readThread } from '../../src/channels/slack/inbound/thread-so-far.ts';
import { serve, type HttpServer } from '../support/http-server.ts';

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
  expect(answer.messages?.[0]?.text).toHaveLength(text.length);
  expect(answer.response_metadata?.scopes).toEqual(['chat:write']);
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

test('a thread that is too long to be read is left out', async () => {
  const client = await clientOf((_req, res) => res.end(pageOf('x'.repeat(MAX_ANSWER_BYTES))));
  expect(await readThread(client, QUESTION, 5_000)).toEqual([]);
});

test.each([
  [429, { 'retry-after': '7' }, { kind: 'rate-limited', retryAfterMs: 7_000 }],
  [503, {}, { kind: 'unavailable', message: 'Slack is unavailable: HTTP 503' }],
  [204, {}, { kind: 'unavailable', message: 'Slack is unavailable: HTTP 204' }],
])('a %i without a body is understood', async (status, headers, expected) => {
  const client = await clientOf((_req, res) => res.writeHead(status, headers).end());
  expect(await client.conversations.replies(inThread).catch(toChannelError)).toMatchObject(expected);
});
