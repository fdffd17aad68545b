/** Time-outs, caps and what the step that answers a turn makes of them. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { MockActivityEnvironment } from '@temporalio/testing';
import { createAnswerTurn } from '../../../src/activities/answer-turn.ts';
import { createLlmClient, LlmUnavailableError, type LlmLimits } from '../../../src/llm/client.ts';
import { LlmRejectedError } from '../../../src/llm/errors.ts';
import { createRunAgent } from '../../../src/llm/run-agent.ts';
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
  const before = await failure(clientWith({ silenceMs: 80 }).complete({ model: 'm', messages: MESSAGES }));
  expect(before).toMatchObject({ name: 'LlmUnavailableError', timedOut: true });
  answer = () => ({ ...events(delta({ content: 'Half' })), end: 'open' });
  const between = await failure(clientWith({ silenceMs: 80 }).complete({ model: 'm', messages: MESSAGES }));
  expect(between).toMatchObject({ name: 'LlmUnavailableError', timedOut: true });
  expect(requests).toHaveLength(1);
});

test('all requests for one answer share one time limit, which an agent may set', async () => {
  answer = () => ({ ...events(delta({ content: 'Half' })), end: 'open' });
  const asked = clientWith().complete({ model: 'm', messages: MESSAGES, limits: { withinMs: 100 } });
  expect(await failure(asked)).toMatchObject({ timedOut: true });
});

test('an aborted request rejects with the reason', async () => {
  answer = () => ({ ...events(delta({ content: 'Half' })), end: 'open' });
  const controller = new AbortController();
  const asked = failure(clientWith().complete({ model: 'm', messages: MESSAGES, signal: controller.signal }));
  setTimeout(() => controller.abort(new Error('cancelled')), 50);
  expect(await asked).toMatchObject({ message: 'cancelled' });
});

test('the cap is the deployment’s, or the agent’s', async () => {
  answer = () => events(delta({ content: 'Hi' }, 'stop'));
  await clientWith({ maxOutputTokens: 700 }).complete({ model: 'm', messages: MESSAGES });
  expect(requests[0]).toMatchObject({ max_tokens: 700 });
  const { agent } = acceptedMessage();
  const runAgent = createRunAgent(clientWith({ maxOutputTokens: 700 }), 'default');
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
  const completion = await clientWith({ contextTokens: 2_000 }).complete({ model: 'm', messages });
  expect(requests).toHaveLength(1);
  expect(JSON.stringify(requests[0]?.messages).length).toBeLessThan(2_000 * 3);
  expect(completion.droppedFromPrompt?.windowMessages).toBeGreaterThan(10);
});

test('a server that refuses everything is asked a bounded number of times', async () => {
  answer = () =>
    json({ error: { message: 'maximum context length is 10 tokens', code: 'context_length_exceeded' } }, 400);
  const error = await failure(clientWith().complete({ model: 'm', messages: MESSAGES }));
  expect(error).toMatchObject({ name: 'LlmRejectedError', reason: 'tooLong' });
  expect(requests.length).toBeLessThanOrEqual(8);
});

test('two streams without an end: the third request is a plain one', async () => {
  answer = (sent) =>
    sent['stream']
      ? events(delta({ content: 'All of it' }))
      : json({ choices: [{ message: { content: 'All of it' } }] });
  const client = clientWith();
  const ask = () => client.complete({ model: 'm', messages: MESSAGES });
  expect(await failure(ask())).toBeInstanceOf(LlmUnavailableError);
  expect(await failure(ask())).toBeInstanceOf(LlmUnavailableError);
  expect(await ask()).toMatchObject({ text: 'All of it' });
});

test('the base URL may have a query, and no failure quotes a body', async () => {
  answer = () =>
    json({ error: { message: 'Incorrect API key provided: sk-secret', code: 'sk-secret' } }, 401);
  const error = await failure(clientWith({}, '?api-version=1').complete({ model: 'm', messages: MESSAGES }));
  expect(keys).toEqual(['/v1/chat/completions?api-version=1', 'Bearer sk-secret']);
  expect(String(error)).not.toContain('sk-secret');
});

/** One attempt of the step, over HTTP. */
const attempt = (work: () => Promise<never>, heartbeatDetails?: unknown) => {
  const environment = new MockActivityEnvironment({ attempt: 1, heartbeatDetails });
  const beats: unknown[] = [];
  environment.on('heartbeat', (details: unknown) => beats.push(details));
  const { answerTurn } = createAnswerTurn({ runAgent: work, channels: new Map(), redis: undefined as never });
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

test('a failure says what the person is to be told', async () => {
  const { ended } = attempt(() => Promise.reject(new LlmRejectedError('no', { reason: 'outOfCredit' })));
  expect(await ended).toMatchObject({
    type: 'LlmRejected',
    nonRetryable: true,
    details: [{ reason: 'outOfCredit' }],
  });
});
