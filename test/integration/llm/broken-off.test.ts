/** Answers that break off: which of them were paid for, and how many of those a turn gets. */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import { MockActivityEnvironment } from '@temporalio/testing';
import { createAnswerTurn } from '../../../src/activities/answer-turn.ts';
import { createLlmClient } from '../../../src/llm/client.ts';
import { createRunAgent } from '../../../src/llm/run-agent.ts';
import { acceptedMessage } from '../../support/accepted-message.ts';
import { readBody, serve } from '../../support/http-server.ts';
import { data, delta } from './dialects.ts';

let server: Awaited<ReturnType<typeof serve>>;
/** Says something, and what comes after it has come. */
let answer: (res: ServerResponse, isStream: boolean) => void;
/** What ends the answer that is under way. */
let cut: () => void;
let requests = 0;
let passedMs = 0;
beforeAll(async () => {
  server = await serve(async (req, res) => {
    requests += 1;
    answer(res, (JSON.parse(await readBody(req)) as { stream?: boolean }).stream === true);
  });
  const now = performance.now.bind(performance);
  jest.spyOn(performance, 'now').mockImplementation(() => now() + passedMs);
});
afterEach(() => void (passedMs = requests = 0));
afterAll(async () => {
  jest.restoreAllMocks();
  await server.close();
});

const client = () => createLlmClient({ baseUrl: `${server.url}/v1`, apiKey: 'k' });
/** How asking fails, when `afterMs` lie between the first words and the end. */
const failureAfter = async (afterMs: number): Promise<unknown> => {
  const onProgress = () => {
    passedMs += afterMs;
    cut();
  };
  const asked = { tenantId: 't', agentId: 'a', model: 'm', messages: [], onProgress };
  return client()
    .complete(asked)
    .catch((error: unknown) => error);
};

/** Streams some words, then ends by `end`. */
const streaming = (end: (res: ServerResponse) => void) => (res: ServerResponse) => {
  res.writeHead(200, { 'content-type': 'text/event-stream' });
  cut = () => end(res);
  res.write(delta({ content: 'Half of ' }));
};

test.each<[string, (res: ServerResponse) => void]>([
  ['the connection is reset', (res) => res.destroy()],
  ['the stream ends without an end', (res) => res.end()],
  ['the server says that it has failed', (res) => res.end(delta({}, 'error'))],
  ['an error comes in the stream', (res) => res.end(data({ error: { message: 'oops', code: 502 } }))],
])('%s: that is paid for once words have come for a while', async (_, end) => {
  answer = streaming(end);
  expect(await failureAfter(100)).toMatchObject({ name: 'LlmUnavailableError', brokeOff: false });
  passedMs = 0;
  expect(await failureAfter(2_000)).toMatchObject({ name: 'LlmUnavailableError', brokeOff: true });
});

const lateIn = (res: ServerResponse): ServerResponse => {
  passedMs += 30_000;
  return res;
};

test('what is blank is no word: nothing is paid for that broke off after it', async () => {
  answer = (res) => {
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    res.write(delta({ content: ' ' }));
    setTimeout(() => lateIn(res).destroy(), 50);
  };
  expect(await failureAfter(0)).toMatchObject({ name: 'LlmUnavailableError', brokeOff: false });
});

test('who has too many requests is waited for, also after words', async () => {
  answer = streaming((res) => res.end(data({ error: { type: 'overloaded_error', message: 'Overloaded' } })));
  expect(await failureAfter(2_000)).toMatchObject({ brokeOff: false, overloaded: true });
});

/** How asking a server fails that refuses to stream. */
const failureWithoutStream = (end: (res: ServerResponse) => void): Promise<unknown> => {
  answer = (res, isStream) =>
    isStream ? res.end(data({ error: { message: 'no "stream" here', param: 'stream' } })) : end(lateIn(res));
  return client()
    .complete({ tenantId: 't', agentId: 'a', model: 'm', messages: [] })
    .catch((error: unknown) => error);
};
const HALF = '{"choices":[{"message":{"content":"Half of';

test.each<[string, (res: ServerResponse) => void]>([
  ['half a document', (res) => res.end(HALF)],
  ['half a document and a reset', (res) => void res.write(HALF, () => setTimeout(() => res.destroy(), 50))],
  ['words and a failure', (res) => res.end(`${HALF}"},"finish_reason":"error"}]}`)],
])('without a stream an answer that begins to come is paid for: %s', async (_, end) => {
  expect(await failureWithoutStream(end)).toMatchObject({ name: 'LlmUnavailableError', brokeOff: true });
});

test.each<[string, (res: ServerResponse) => void]>([
  ['nothing', (res) => res.end()],
  ['a closed connection', (res) => res.destroy()],
  ['a gateway’s time-out', (res) => res.writeHead(504).end()],
  ['a page', (res) => res.end('<html>Maintenance</html>')],
  ['a failure without words', (res) => res.end('{"choices":[{"message":{},"finish_reason":"error"}]}')],
  ['too many requests', (res) => res.end('{"error":{"code":429}}')],
  ['no capacity', (res) => res.end('{"error":{"type":"overloaded_error"}}')],
  ['an error', (res) => res.end('{"error":{"code":502}}')],
])('without a stream time alone proves nothing: %s', async (_, end) => {
  expect(await failureWithoutStream(end)).toMatchObject({ name: 'LlmUnavailableError', brokeOff: false });
});

test.each([502, 503])(
  'a server that is out of order is paid nothing, however late it says so: %s',
  async (status) => {
    answer = (res) => lateIn(res).writeHead(status).end();
    const asked = client().complete({ tenantId: 't', agentId: 'a', model: 'm', messages: [] });
    expect(await asked.catch((error: unknown) => error)).toMatchObject({ brokeOff: false });
  },
);

test('a gateway that bounds the whole answer is asked three times in a turn', async () => {
  const HALF_A_MINUTE = 30_000;
  answer = (res) => {
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    res.write(delta({ content: 'Half of ' }));
    setTimeout(() => {
      passedMs += HALF_A_MINUTE;
      res.end();
    }, 50);
  };
  const runAgent = createRunAgent(client(), { model: 'm', models: [] });
  const { answerTurn } = createAnswerTurn({
    runAgent,
    channels: new Map(),
    redis: undefined as never,
    windowBytes: 0,
  });
  const { agent } = acceptedMessage();
  let details: unknown;
  const ends: unknown[] = [];
  for (let nth = 1; nth <= 3; nth += 1) {
    const environment = new MockActivityEnvironment({ attempt: nth, heartbeatDetails: details });
    const beat = once(environment, 'heartbeat');
    const ended = environment.run(answerTurn, { text: 'Hello', agent, messages: [] });
    ends.push(await ended.catch((error: unknown) => error));
    [details] = (await beat) as unknown[];
  }
  expect(ends).toMatchObject([
    { type: 'LlmUnavailable', nonRetryable: false },
    { type: 'LlmUnavailable', nonRetryable: false },
    { type: 'ReplyUnusable', nonRetryable: true },
  ]);
  expect(requests).toBe(3);
});
