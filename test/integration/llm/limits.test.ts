/** Time-outs, caps and what the step that answers a turn makes of them. */
import { inspect } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { MockActivityEnvironment } from '@temporalio/testing';
import { createAnswerTurn } from '../../../src/activities/answer-turn.ts';
import { createLlmClient, LlmUnavailableError, type LlmLimits } from '../../../src/llm/client.ts';
import { createDesks } from '../../../src/llm/desk.ts';
import { LlmRejectedError } from '../../../src/llm/errors.ts';
import { post } from '../../../src/llm/post.ts';
import { createRunAgent, type RunAgent } from '../../../src/llm/run-agent.ts';
import { acceptedMessage } from '../../support/accepted-message.ts';
import { readBody, serve } from '../../support/http-server.ts';
import { delta, events, json, type Reply, type Sent } from './dialects.ts';

let server: Awaited<ReturnType<typeof serve>>;
let answer: (sent: Sent, nth: number) => Reply;
let requests: Sent[] = [];
let keys: Array<string | string[] | undefined> = [];
beforeAll(async () => {
  server = await serve(async (req, res) => {
    const sent = JSON.parse(await readBody(req)) as Sent;
    requests.push(sent);
    keys = [req.url, req.headers.authorization];
    const { status = 200, headers = {}, chunks, end } = answer(sent, requests.length);
    res.writeHead(status, headers);
    res.flushHeaders();
    for (const chunk of chunks) res.write(chunk);
    if (end !== 'open') res.end();
  });
});
afterAll(() => server.close());

const MESSAGES = [{ role: 'user' as const, content: 'Hello?' }];
const clientWith = (limits: LlmLimits = {}, query = '') => {
  requests = [];
  return createLlmClient({ baseUrl: `${server.url}/v1${query}`, apiKey: 'sk-secret', limits });
};
const failure = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

test('a silent server is given up, before its first byte and between two', async () => {
  answer = () => ({ headers: { 'content-type': 'text/event-stream' }, chunks: [], end: 'open' });
  const before = await failure(
    clientWith({ silenceMs: 80 }).complete({ tenantId: 't', agentId: 'a', model: 'm', messages: MESSAGES }),
  );
  expect(before).toMatchObject({ name: 'LlmUnavailableError', timedOut: true });
  answer = () => ({ ...events(delta({ content: 'Half' })), end: 'open' });
  const between = await failure(
    clientWith({ silenceMs: 500 }).complete({
      tenantId: 't',
      agentId: 'a',
      model: 'between',
      messages: MESSAGES,
    }),
  );
  expect(between).toMatchObject({ name: 'LlmUnavailableError', timedOut: true });
  // The server may take note of the first request after the client has given it up.
  expect(requests.filter(({ model }) => model === 'between')).toHaveLength(1);
});

test('all requests for one answer share one time limit, which an agent may set', async () => {
  answer = () => ({ ...events(delta({ content: 'Half' })), end: 'open' });
  const asked = clientWith().complete({
    tenantId: 't',
    agentId: 'a',
    model: 'm',
    messages: MESSAGES,
    limits: { withinMs: 100 },
  });
  expect(await failure(asked)).toMatchObject({ timedOut: true });
});

test('an aborted request rejects with the reason', async () => {
  answer = () => ({ ...events(delta({ content: 'Half' })), end: 'open' });
  const controller = new AbortController();
  const asked = failure(
    clientWith().complete({
      tenantId: 't',
      agentId: 'a',
      model: 'm',
      messages: MESSAGES,
      signal: controller.signal,
    }),
  );
  setTimeout(() => controller.abort(new Error('cancelled')), 50);
  expect(await asked).toMatchObject({ message: 'cancelled' });
});

test('the cap is the deployment’s, or the agent’s', async () => {
  answer = () => events(delta({ content: 'Hi' }, 'stop'));
  await clientWith({ maxOutputTokens: 700 }).complete({
    tenantId: 't',
    agentId: 'a',
    model: 'm',
    messages: MESSAGES,
  });
  expect(requests[0]).toMatchObject({ max_tokens: 700 });
  const { agent } = acceptedMessage();
  const runAgent = createRunAgent(clientWith({ maxOutputTokens: 700 }), { model: 'default', models: [] });
  await runAgent('Hello', { ...agent, llm: { maxOutputTokens: 50 } });
  expect(requests[0]).toMatchObject({ max_tokens: 50, model: 'default' });
});

test('a set context is kept to before anything is sent', async () => {
  answer = () => events(delta({ content: 'Hi' }, 'stop'));
  const messages = [
    ...Array.from({ length: 20 }, (_, i) => ({
      role: i % 2 ? ('assistant' as const) : ('user' as const),
      content: 'word '.repeat(200),
    })),
    ...MESSAGES,
  ];
  const completion = await clientWith({ contextTokens: 2_000 }).complete({
    tenantId: 't',
    agentId: 'a',
    model: 'm',
    messages,
  });
  expect(requests).toHaveLength(1);
  expect(JSON.stringify(requests[0]?.messages).length).toBeLessThan(2_000 * 3);
  expect(completion.droppedFromPrompt?.windowMessages).toBeGreaterThan(10);
});

/** What an honest server answers whose cap is a single token: a line break. */
const blankAndCutOff = json({
  choices: [{ index: 0, message: { role: 'assistant', content: '\n' }, finish_reason: 'length' }],
  usage: { prompt_tokens: 10, completion_tokens: 1 },
});

test('what one agent’s limit or cap teaches shortens no other agent’s prompt', async () => {
  const long = [...MESSAGES.slice(0, -1), { role: 'user' as const, content: 'word '.repeat(2_000) }];
  const client = clientWith();
  answer = () => blankAndCutOff;
  await failure(
    client.complete({
      tenantId: 't',
      agentId: 'a',
      model: 'm',
      messages: MESSAGES,
      limits: { maxOutputTokens: 1 },
    }),
  );
  answer = () =>
    json(
      { error: { message: 'maximum context length is 600 tokens', code: 'context_length_exceeded' } },
      400,
    );
  await failure(client.complete({ tenantId: 't', agentId: 'a', model: 'm', messages: long }));
  answer = () => events(delta({ content: 'Hi' }, 'stop'));
  requests.length = 0;
  await client.complete({ tenantId: 't', agentId: 'b', model: 'm', messages: long });
  expect(requests).toHaveLength(1);
  expect(requests[0]?.messages.at(-1)?.content).toBe(long.at(-1)?.content);
  expect(requests[0]?.['max_tokens']).toBeGreaterThan(1_000);
});

test('a cap of one token that is used up says nothing of the context', async () => {
  const client = clientWith();
  answer = () => blankAndCutOff;
  await failure(
    client.complete({
      tenantId: 't',
      agentId: 'a',
      model: 'm',
      messages: MESSAGES,
      limits: { maxOutputTokens: 1 },
    }),
  );
  expect(requests).toHaveLength(1);
  answer = () => events(delta({ content: 'Hi' }, 'stop'));
  await client.complete({ tenantId: 't', agentId: 'a', model: 'm', messages: MESSAGES });
  expect(requests.at(-1)?.['max_tokens']).toBeGreaterThan(1_000);
});

test('a server that refuses everything is asked a bounded number of times', async () => {
  answer = () =>
    json({ error: { message: 'maximum context length is 10 tokens', code: 'context_length_exceeded' } }, 400);
  const error = await failure(
    clientWith().complete({ tenantId: 't', agentId: 'a', model: 'm', messages: MESSAGES }),
  );
  expect(error).toMatchObject({ name: 'LlmRejectedError', reason: 'tooLong' });
  expect(requests.length).toBeLessThanOrEqual(8);
});

test('a window that is larger than the context: answered in the same attempt, and the size is kept', async () => {
  const tokensIn = (sent: Sent) =>
    Math.ceil(sent.messages.reduce((sum, { content }) => sum + content.length, 0) / 4);
  answer = (sent) =>
    tokensIn(sent) + Number(sent['max_tokens']) > 8_192
      ? json(
          {
            error: {
              message: `This model's maximum context length is 8192 tokens. However, you requested ${tokensIn(sent) + Number(sent['max_tokens'])} tokens (${tokensIn(sent)} in the messages, ${String(sent['max_tokens'])} in the completion).`,
            },
          },
          400,
        )
      : events(delta({ content: 'Hi' }, 'stop'));
  const window = Array.from({ length: 10 }, (_, i) => ({
    role: i % 2 ? ('assistant' as const) : ('user' as const),
    content: 'word '.repeat(980),
  }));
  const messages = [
    { role: 'system' as const, content: 'You are Mara.' },
    ...window,
    { role: 'user' as const, content: 'hi' },
  ];
  const client = clientWith();
  const first = await client.complete({ tenantId: 't', agentId: 'a', model: 'm', messages });
  expect(first).toMatchObject({ text: 'Hi', droppedFromPrompt: { context: false, characters: 0 } });
  expect(requests.length).toBeLessThanOrEqual(3);
  expect(requests.at(-1)?.messages.at(-1)).toEqual({ role: 'user', content: 'hi' });
  expect(requests.at(-1)?.messages.length).toBeGreaterThan(4);
  requests = [];
  expect(await client.complete({ tenantId: 't', agentId: 'a', model: 'm', messages })).toMatchObject({
    text: 'Hi',
  });
  expect(requests).toHaveLength(1);
});

test('credit for a short answer: asked again for that much, in this attempt alone', async () => {
  let credit = 1_500;
  answer = (sent) =>
    Number(sent['max_tokens']) > credit
      ? json(
          {
            error: { message: `You requested up to 4096 tokens, but can only afford ${credit}.`, code: 402 },
          },
          402,
        )
      : events(delta({ content: 'Hi' }, 'stop'));
  const client = clientWith({ maxOutputTokens: 4_096 });
  expect(
    await client.complete({ tenantId: 't', agentId: 'a', model: 'm', messages: MESSAGES }),
  ).toMatchObject({
    text: 'Hi',
  });
  credit = 1_000_000;
  await client.complete({ tenantId: 't', agentId: 'a', model: 'm', messages: MESSAGES });
  expect(requests.map((sent) => sent['max_tokens'])).toEqual([4_096, 1_500, 4_096]);
});

test('a server that fails is asked once more without optional parameters, until it has taken them', async () => {
  const failing = () => json({ error: { message: 'Internal Server Error' } }, 500);
  answer = failing;
  const client = clientWith();
  const ask = () => client.complete({ tenantId: 't', agentId: 'a', model: 'm', messages: MESSAGES });
  expect(await failure(ask())).toBeInstanceOf(LlmUnavailableError);
  expect(requests.map((sent) => 'stream_options' in sent)).toEqual([true, false]);
  answer = () => events(delta({ content: 'Hi' }, 'stop'));
  await ask();
  requests = [];
  answer = failing;
  expect(await failure(ask())).toBeInstanceOf(LlmUnavailableError);
  expect(requests).toHaveLength(1);
});

test('two streams without an end: the third request is a plain one', async () => {
  answer = (sent) =>
    sent['stream']
      ? events(delta({ content: 'All of it' }))
      : json({ choices: [{ message: { content: 'All of it' } }] });
  const client = clientWith();
  const ask = () => client.complete({ tenantId: 't', agentId: 'a', model: 'm', messages: MESSAGES });
  expect(await failure(ask())).toBeInstanceOf(LlmUnavailableError);
  expect(await failure(ask())).toBeInstanceOf(LlmUnavailableError);
  expect(await ask()).toMatchObject({ text: 'All of it' });
});

test('the base URL may have a query, and no failure quotes a body', async () => {
  answer = () =>
    json({ error: { message: 'Incorrect API key provided: sk-secret', code: 'sk-secret' } }, 401);
  const error = await failure(
    clientWith({}, '?api-version=1').complete({
      tenantId: 't',
      agentId: 'a',
      model: 'm',
      messages: MESSAGES,
    }),
  );
  expect(keys).toEqual(['/v1/chat/completions?api-version=1', 'Bearer sk-secret']);
  expect(String(error)).not.toContain('sk-secret');
});

const ECHO = 'sk-secret they said hello';
const echoed = { message: ECHO, code: ECHO, type: ECHO, param: ECHO, status: ECHO, metadata: { raw: ECHO } };
test.each<[string, () => Reply]>([
  ...[400, 401, 402, 403, 404, 413, 422, 429, 500, 503].map((status): [string, () => Reply] => [
    `status ${status}`,
    () => json({ error: echoed }, status),
  ]),
  ['a plain text', () => ({ status: 401, chunks: [ECHO] })],
  ['an error in status 200', () => json({ error: echoed })],
  ['an error in status 200 as a text', () => json({ error: ECHO })],
  [
    'an error in the stream',
    () => events(delta({ content: 'Half' }), `data: ${JSON.stringify({ error: echoed })}\n\n`),
  ],
  ['an error event', () => events(`event: error\ndata: ${ECHO}\n\n`)],
  ['a page', () => ({ chunks: [`<html>${ECHO}</html>`] })],
  ['a refusal', () => events(delta({ refusal: ECHO }, 'stop'))],
  ['a stream that breaks off', () => events(delta({ content: ECHO }))],
  ['a reason to finish', () => events(delta({}, `error ${ECHO}`))],
])('no failure quotes what the server said: %s', async (_, reply) => {
  answer = reply;
  const { agent } = acceptedMessage();
  const runAgent = createRunAgent(clientWith(), { model: 'm', models: [] });
  const { ended } = attempt(() => runAgent('Hello', agent));
  const error = await ended;
  expect(error).toMatchObject({ name: 'ApplicationFailure' });
  expect(inspect(error, { depth: 10, showHidden: true })).not.toMatch(/sk-secret|they said/);
});

/** One attempt of the step, over HTTP. */
const attempt = (work: () => ReturnType<RunAgent>, heartbeatDetails?: unknown) => {
  const environment = new MockActivityEnvironment({ attempt: 1, heartbeatDetails });
  const beats: unknown[] = [];
  environment.on('heartbeat', (details: unknown) => beats.push(details));
  const { answerTurn } = createAnswerTurn({
    runAgent: work,
    channels: new Map(),
    redis: undefined as never,
    windowBytes: 0,
  });
  const { agent } = acceptedMessage();
  return { beats, ended: failure(environment.run(answerTurn, { text: 'Hello', agent, messages: [] })) };
};

test('the third attempt that took too long is the last, whatever other attempts there were', async () => {
  const slow = () => Promise.reject(new LlmUnavailableError('silent', { timedOut: true }));
  const first = attempt(slow);
  expect(await first.ended).toMatchObject({ type: 'LlmUnavailable', nonRetryable: false });
  expect(first.beats).toEqual([{ paidAttempts: 1 }]);
  const busy = attempt(() => Promise.reject(new LlmUnavailableError('503')), { paidAttempts: 2 });
  expect(await busy.ended).toMatchObject({ type: 'LlmUnavailable', nonRetryable: false });
  expect(busy.beats).toEqual([{ paidAttempts: 2 }]);
  const third = attempt(slow, { paidAttempts: 2 });
  expect(await third.ended).toMatchObject({ type: 'LlmTimedOut', nonRetryable: true });
});

test('the third answer that can’t be read is the last', async () => {
  const unreadable = () => Promise.reject(new LlmUnavailableError('no JSON', { unreadable: true }));
  const first = attempt(unreadable);
  expect(await first.ended).toMatchObject({ type: 'LlmUnavailable', nonRetryable: false });
  expect(first.beats).toEqual([{ paidAttempts: 1 }]);
  const third = attempt(unreadable, { paidAttempts: 2 });
  expect(await third.ended).toMatchObject({ type: 'ReplyUnusable', nonRetryable: true });
});

test('an answer that this worker fails of counts as paid: the third attempt is the last', async () => {
  const unusable = () => Promise.resolve({ text: { no: 'text' } } as never);
  const first = attempt(unusable);
  expect(await first.ended).toMatchObject({ name: 'TypeError' });
  expect(first.beats).toEqual([{ paidAttempts: 1 }]);
  const third = attempt(unusable, { paidAttempts: 2 });
  expect(await third.ended).toMatchObject({ type: 'ReplyUnusable', nonRetryable: true });
});

test('a failure says what the person is to be told', async () => {
  const { ended } = attempt(() => Promise.reject(new LlmRejectedError('no', { reason: 'outOfCredit' })));
  expect(await ended).toMatchObject({
    type: 'LlmRejected',
    nonRetryable: true,
    details: [{ reason: 'outOfCredit' }],
  });
});

const complete = (model: string) =>
  clientWith().complete({ tenantId: 't', agentId: 'a', model, messages: MESSAGES });

test('megabytes that are no JSON hold nobody up', async () => {
  const escapes = '\\"'.repeat(1_500_000);
  for (const body of [`{"${escapes}`, `data: {"${escapes}\n\n`, `:${escapes}`]) {
    answer = () => ({ chunks: [body] });
    expect(await failure(complete('m'))).toMatchObject({ name: 'LlmUnavailableError', timedOut: false });
  }
});

test('nor does an error, whatever its names are', async () => {
  const name = 'ratelimit'.repeat(15_000);
  const headers = { [name]: '1', 'X-RateLimit-Reset': '7s' };
  const error = { message: 'busy', code: name, type: name, metadata: { headers } };
  answer = () => events(`data: ${JSON.stringify({ error, detail: [{ loc: [name], msg: name }] })}\n\n`);
  expect(await failure(complete('m'))).toMatchObject({ name: 'LlmUnavailableError', retryAfterMs: 7_000 });
});

test.each([
  ['in lists', '['.repeat(30_000) + ']'.repeat(30_000)],
  ['in objects', '{"a":'.repeat(30_000) + '1' + '}'.repeat(30_000)],
  ['of odd names', '{"toString":1,"loc":[{"toString":1}],"headers":{"a":{"toString":1}}}'],
])('nor one that nests %s', async (_, inner) => {
  answer = () => ({
    status: 503,
    chunks: [`{"error":{"message":"busy","metadata":${inner},"loc":${inner}}}`],
  });
  expect(await failure(complete('m'))).toMatchObject({ name: 'LlmUnavailableError' });
  answer = () => events(`data: {"error":{"message":"busy","metadata":${inner},"loc":${inner}}}\n\n`);
  expect(await failure(complete('m'))).toMatchObject({ name: 'LlmUnavailableError' });
});

test('an answer without an end is given up, and its connection closed', async () => {
  let sent = 0;
  const endless = await serve(async (_req, res) => {
    const chunk = Buffer.alloc(1_000_000, 'x');
    const closed = new Promise((resolve) => res.once('close', resolve));
    res.write('data: ');
    // Without an end: who reads on would read for ever.
    while (!res.destroyed) {
      sent += chunk.length;
      if (!res.write(chunk))
        await Promise.race([new Promise((resolve) => res.once('drain', resolve)), closed]);
    }
  });
  const client = createLlmClient({ baseUrl: `${endless.url}/v1`, apiKey: 'k' });
  const asked = failure(client.complete({ tenantId: 't', agentId: 'a', model: 'm', messages: MESSAGES }));
  expect(await asked).toMatchObject({ message: 'the LLM’s answer could not be read' });
  await endless.close();
  // What the system holds between the two comes on top.
  expect(sent).toBeLessThan(30_000_000);
});

test.each([301, 302, 307, 308])('a redirect is not followed: %s', async (status) => {
  let others = 0;
  const inner = await serve((_req, res) => {
    others += 1;
    res.end();
  });
  answer = () => ({ status, headers: { location: `${inner.url}/v1/chat/completions` }, chunks: [] });
  const error = await failure(complete('m'));
  await inner.close();
  expect(error).toMatchObject({
    name: 'LlmUnavailableError',
    message: `the LLM’s server redirects to another address (${status})`,
  });
  expect({ others, requests: requests.length }).toEqual({ others: 0, requests: 1 });
});

test('an answer that is compressed though nobody asked for it', async () => {
  const { chunks } = events(delta({ content: 'Hello' }, 'stop'));
  const zipped = gzipSync(Buffer.concat(chunks.map((chunk) => Buffer.from(chunk))));
  answer = () => ({ headers: { 'content-encoding': 'gzip' }, chunks: [zipped] });
  expect(await complete('m')).toMatchObject({ text: 'Hello' });
  answer = () => ({ headers: { 'content-encoding': 'gzip' }, chunks: ['no gzip at all'] });
  expect(await failure(complete('m'))).toMatchObject({ name: 'LlmUnavailableError' });
});

test('of what answers hold while they are unfinished, the tenant that holds most loses some', async () => {
  const deskOf = createDesks(800_000);
  const ask = (tenantId: string, length: number) => {
    const controller = new AbortController();
    answer = () => ({ chunks: [`data: {"a":"${'x'.repeat(length)}`], end: 'open' });
    const { signal } = controller;
    const options = {
      streams: true,
      silenceMs: 20_000,
      deadline: performance.now() + 60_000,
      mayOmitTag: false,
      onProgress: undefined,
    };
    const at = { url: `${server.url}/v1`, headers: {} };
    const asked = failure(post(at, { messages: [] }, { ...options, desk: deskOf(tenantId), signal }));
    return { asked, stop: () => controller.abort(new Error('stopped')) };
  };
  const [first, quiet, second] = [ask('loud', 150_000), ask('quiet', 150_000), ask('loud', 150_000)];
  const lost = await Promise.race([first, quiet, second].map(({ asked }) => asked));
  expect(lost).toMatchObject({ name: 'LlmUnavailableError', unreadable: true });
  for (const { stop } of [first, quiet, second]) stop();
  const ends = await Promise.all([first, quiet, second].map(({ asked }) => asked));
  expect(String(ends[1])).toBe('Error: stopped');
  expect(ends.map(String).filter((end) => end === 'Error: stopped')).toHaveLength(2);
});

test('what a turn takes along of an answer is as long as it may be, and countable', async () => {
  const long = `\u0000${'m'.repeat(400_000)}`;
  const usage = { prompt_tokens: 1e300, completion_tokens: 9, reasoning_tokens: 2 ** 60 };
  const choices = [{ index: 0, delta: { content: 'Hello' }, finish_reason: long }];
  answer = () => events(`data: ${JSON.stringify({ model: long, choices, usage })}\n\n`, 'data: [DONE]\n\n');
  const completion = await complete('m');
  expect(completion).toMatchObject({ text: 'Hello', usage: { promptTokens: 0, completionTokens: 9 } });
  expect(completion.model).toBe('m'.repeat(199));
  expect(completion.finishReason).toHaveLength(60);
  expect(completion.reasoning).toBeUndefined();
  expect(JSON.stringify(completion).length).toBeLessThan(1_000);
});
