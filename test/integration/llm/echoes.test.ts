/** A server's error may repeat what a person wrote: that teaches nothing about the server. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createLlmClient, type LlmClient } from '../../../src/llm/client.ts';
import { createIsSent } from '../../../src/llm/sent-text.ts';
import { readBody, serve } from '../../support/http-server.ts';
import { delta, events, json, type Reply, type Sent } from './dialects.ts';

let server: Awaited<ReturnType<typeof serve>>;
let answer: (sent: Sent) => Reply;
let requests: Sent[] = [];
beforeAll(async () => {
  server = await serve(async (req, res) => {
    const sent = JSON.parse(await readBody(req)) as Sent;
    requests.push(sent);
    const { status = 200, headers = {}, chunks } = answer(sent);
    res.writeHead(status, headers);
    for (const chunk of chunks) res.write(chunk);
    res.end();
  });
});
afterAll(() => server.close());

const fine = () => events(delta({ content: 'Hi' }, 'stop'));
const said = ({ messages }: Sent) => messages.at(-1)?.content ?? '';
const SYSTEM = `You are Mara. ${'Policy text. '.repeat(300)}`;
const WINDOW = [
  { role: 'user' as const, content: 'earlier '.repeat(50) },
  { role: 'assistant' as const, content: 'yes' },
];
const newClient = () => {
  requests = [];
  return createLlmClient({ baseUrl: `${server.url}/v1`, apiKey: 'k' });
};
const ask = (client: LlmClient, text: string) =>
  client
    .complete({
      tenantId: 't',
      agentId: 'a',
      model: 'm',
      messages: [{ role: 'system', content: SYSTEM }, ...WINDOW, { role: 'user', content: text }],
    })
    .catch((error: unknown) => error);

/** What another person's request is like: as it would be had nobody asked before. */
async function expectUntouched(client: LlmClient): Promise<void> {
  requests = [];
  answer = fine;
  expect(await ask(client, 'A normal question?')).toMatchObject({ text: 'Hi' });
  expect(requests).toEqual([
    {
      model: 'm',
      messages: [
        { role: 'system', content: SYSTEM },
        ...WINDOW,
        { role: 'user', content: 'A normal question?' },
      ],
      stream: true,
      stream_options: { include_usage: true },
      max_tokens: 8_192,
    },
  ]);
}

/** Refuses control characters as vLLM does, and quotes them. */
const echoing = (sent: Sent): Reply =>
  said(sent).includes('\u0007')
    ? json(
        {
          error: { message: `1 validation error: unexpected input, input_value='${said(sent)}'`, code: 400 },
        },
        400,
      )
    : fine();

const FILL = 'word '.repeat(900);
describe.each([
  'maximum context length is 20 tokens',
  'maximum context length is 2,000 tokens',
  String.raw`maximum context length is \u0031\u0035\u0030\u0030 tokens`,
  'the prompt is too long',
  'max_tokens must be at most 300',
  'max tokens is too large, at most 16',
  'max_tokens is not supported',
  'unsupported parameter: stream_options',
  'streaming is not supported',
  'system role not supported',
  'extra fields not permitted',
])('whoever writes %j', (words) => {
  test.each([
    ['is refused', `\u0007 ${words}`],
    // What is cut is the middle, and the shorter prompt is taken.
    ['is answered without the middle of it', `${words} ${FILL}\u0007${FILL} ${words}`],
  ])('changes nothing for others, when the one %s', async (_, text) => {
    const client = newClient();
    answer = echoing;
    await ask(client, text);
    await expectUntouched(client);
  });
});

test.each([
  ['a context', 'maximum context length is 20 tokens'],
  ['a cap', 'max_tokens is too large: it must be at most 16'],
])('%s that is nobody’s is not believed, whoever speaks of it', async (_, message) => {
  const client = newClient();
  answer = (sent) =>
    said(sent) === 'odd' && requests.length < 2 ? json({ error: { message } }, 400) : fine();
  await ask(client, 'odd');
  await expectUntouched(client);
});

test('what the server has taken, it takes: no smaller limit is kept', async () => {
  const client = newClient();
  answer = fine;
  await ask(client, 'word '.repeat(6_000));
  answer = (sent) =>
    said(sent).includes('odd')
      ? json({ error: { message: 'maximum context length is 1500 tokens' } }, 400)
      : fine();
  await ask(client, 'odd');
  await expectUntouched(client);
});

test('a limit that the server speaks of by itself is kept once it has answered so', async () => {
  const client = newClient();
  answer = (sent) =>
    Number(sent['max_tokens']) > 4_096
      ? json({ error: { message: 'max_tokens is too large: 8192. At most 4096 are supported.' } }, 400)
      : fine();
  await ask(client, 'Hello?');
  expect(requests.map((sent) => sent['max_tokens'])).toEqual([8_192, 4_096]);
  await ask(client, 'Hello?');
  expect(requests.map((sent) => sent['max_tokens'])).toEqual([8_192, 4_096, 4_096]);
});

test('what was sent is found however it is spaced and written, and only as whole words', () => {
  const isSent = createIsSent([
    { role: 'user', content: 'Maximum  context\nlength is 1,500; \\u0032\\u0030 upstream' },
  ]);
  for (const phrase of ['maximum context length', '1500', '20', 'LENGTH IS'])
    expect(isSent(phrase)).toBe(true);
  for (const phrase of ['150', '500', 'stream', 'context window', '']) expect(isSent(phrase)).toBe(false);
});
