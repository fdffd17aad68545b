/** OpenAI's own client, unmodified, with nothing set but the address and the key. */
import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import OpenAI, { APIError } from 'openai';
import { eventually } from '../support/eventually.ts';
import { chunk, fail, noted } from '../support/fake-llm.ts';
import { startProxy, type Proxy } from '../support/proxy.ts';
import { createTestTenant, temporalConfig } from '../support/services.ts';
import { AS_OPERATOR, liftUserLimit, startSystem, type System } from '../support/system.ts';

let system: System;
let temporalOfApi: Proxy;
let client: OpenAI;
const clientOf = (apiKey: string) => new OpenAI({ baseURL: `${system.baseUrl}/v1`, apiKey, maxRetries: 0 });
beforeAll(async () => {
  temporalOfApi = await startProxy(temporalConfig().address);
  system = await startSystem({ api: { temporal: temporalOfApi }, waitingRequests: 5 });
  await liftUserLimit(system);
  client = clientOf(system.apiKey);
});
afterEach(() => system.llm.answerWith(noted));
afterAll(async () => {
  await system.stop();
  await temporalOfApi.close();
});

const somebody = () => `user-${randomUUID()}`;
const asks = (content: string, user: string, model = 'Mara') => ({
  model,
  user,
  messages: [{ role: 'user' as const, content }],
});
const textOf = ({ choices }: OpenAI.ChatCompletion) => choices[0]?.message.content;
const stateOf = async (id: string) =>
  (await system.request('GET', `/v1/messages/${id.replace('chatcmpl-', '')}`)).body['state'];
/** What an exception of the client says. */
const errorOf = async (work: PromiseLike<unknown>) => {
  const error: unknown = await Promise.resolve(work).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof APIError)) throw new Error('the client has thrown nothing of its own');
  const { status, code, param, headers }: ApiFault = error;
  return { name: error.constructor.name, status, code, param, headers: new Headers(headers), error };
};
type ApiFault = Partial<Record<'status' | 'code' | 'param', unknown>> & { headers?: Headers | undefined };

describe('chat.completions', () => {
  test('remember from one call to the next, and say what they took', async () => {
    const user = somebody();
    await client.chat.completions.create(asks('My name is Ada', user));
    const answer = await client.chat.completions.create({
      ...asks('', user, system.agent.id),
      temperature: 0.2,
      messages: [
        { role: 'system', content: 'You are somebody else' },
        { role: 'user', content: 'I was never said' },
        { role: 'assistant', content: 'Nor was I' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'What is' },
            { type: 'text', text: 'my name?' },
          ],
        },
      ],
    });
    expect(answer).toMatchObject({
      id: expect.stringMatching(/^chatcmpl-[\da-f-]{36}$/),
      object: 'chat.completion',
      model: system.agent.id,
      choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', refusal: null } }],
      usage: { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 },
    });
    expect(textOf(answer)).toBe('Noted: What is\nmy name?');
    expect(system.llm.prompts.at(-1)?.slice(1)).toEqual([
      { role: 'user', content: 'My name is Ada' },
      { role: 'assistant', content: 'Noted: My name is Ada' },
      { role: 'user', content: 'What is\nmy name?' },
    ]);
    expect(system.llm.prompts.at(-1)?.[0]?.content).not.toContain('somebody else');
  });

  test('come as a stream, with the usage if it is asked for', async () => {
    const user = somebody();
    const stream = await client.chat.completions.create({
      ...asks('My name is Ada', user),
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks: OpenAI.ChatCompletionChunk[] = [];
    for await (const one of stream) chunks.push(one);
    expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')).toBe(
      'Noted: My name is Ada',
    );
    expect(chunks[0]?.choices[0]?.delta).toEqual({ role: 'assistant', content: '' });
    expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe('stop');
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: 18 } });
    const helper = client.chat.completions.stream(asks('And now?', user));
    expect(textOf(await helper.finalChatCompletion())).toBe('Noted: And now?');
    expect((await system.memoryOf(user)).body['window']).toHaveLength(4);
  });

  test('with one Idempotency-Key are one message', async () => {
    const user = somebody();
    const headers = { 'Idempotency-Key': randomUUID() };
    const ask = () => client.chat.completions.create(asks('Once', user), { headers });
    const [first, second] = await Promise.all([ask(), ask()]);
    expect(second).toEqual(first);
    expect((await system.memoryOf(user)).body['window']).toHaveLength(2);
    const reused = await errorOf(client.chat.completions.create(asks('Other', user), { headers }));
    expect(reused).toMatchObject({ status: 422, code: 'idempotency_key_reused' });
  });
});

test('models.list gives the agents, and their names lead to them', async () => {
  const noor = (await system.request('POST', '/v1/agents', { name: 'Noor' })).body;
  const { data } = await client.models.list();
  expect(data.find(({ id }) => id === noor['id'])).toMatchObject({ object: 'model', name: 'Noor' });
  expect(data.map(({ id }) => id)).toContain(system.agent.id);
  const answer = await client.chat.completions.create(asks('Hello', somebody(), 'Noor'));
  expect(answer.model).toBe(noor['id']);
  await system.request('POST', '/v1/agents', { name: 'Noor' });
  expect(await errorOf(client.chat.completions.create(asks('Hello', somebody(), 'Noor')))).toMatchObject({
    name: 'BadRequestError',
    param: 'model',
  });
});

describe('errors are those of the client', () => {
  test('for what is asked wrongly', async () => {
    const ask = (body: object) =>
      errorOf(client.chat.completions.create(body as OpenAI.ChatCompletionCreateParamsNonStreaming));
    const { user: _, ...nobody } = asks('Hello', somebody());
    expect(await ask(nobody)).toMatchObject({ status: 400, param: 'user' });
    expect(await ask(asks('', somebody()))).toMatchObject({ status: 400, param: 'messages' });
    expect(await ask(asks('Hello', 'slack:T1:U1'))).toMatchObject({ status: 400, param: 'user' });
    expect(await ask({ ...asks('Hello', somebody()), n: 2 })).toMatchObject({ status: 400, param: 'n' });
    expect(await ask({ ...asks('x', somebody()), messages: [] })).toMatchObject({ param: 'messages' });
    const picture = [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'x' } }] }];
    expect(await ask({ ...asks('x', somebody()), messages: picture })).toMatchObject({
      status: 400,
      param: 'messages.0.content',
    });
    expect(await ask(asks('Hello', somebody(), 'gpt-4o'))).toMatchObject({
      name: 'NotFoundError',
      code: 'model_not_found',
      param: 'model',
    });
  });

  test('for who may not: no key, another tenant, a key that may not chat', async () => {
    const refused = await errorOf(clientOf('nobody').chat.completions.create(asks('Hello', somebody())));
    expect(refused).toMatchObject({ name: 'AuthenticationError', status: 401, code: 'invalid_api_key' });
    expect(await errorOf(clientOf('nobody').models.list())).toMatchObject({ status: 401 });
    const other = await createTestTenant(system.database.pool);
    const foreign = clientOf(other.apiKey);
    expect((await foreign.models.list()).data.map(({ id }) => id)).toEqual([other.agent.id]);
    expect(
      await errorOf(foreign.chat.completions.create(asks('Hello', somebody(), system.agent.id))),
    ).toMatchObject({ status: 404, code: 'model_not_found' });
    const { body } = await system.request(
      'POST',
      `/v1/tenants/${system.tenantId}/api-keys`,
      { role: 'read' },
      AS_OPERATOR,
    );
    const reader = clientOf(String(body['apiKey']));
    expect(await errorOf(reader.chat.completions.create(asks('Hello', somebody())))).toMatchObject({
      name: 'PermissionDeniedError',
      code: 'role_missing',
    });
  });

  test('for too much at once, with when to come again', async () => {
    const other = await createTestTenant(system.database.pool);
    await system.request(
      'PATCH',
      `/v1/tenants/${other.tenantId}`,
      { rateLimits: { user: { burst: 1, perMinute: 1 } } },
      AS_OPERATOR,
    );
    const user = somebody();
    await clientOf(other.apiKey).chat.completions.create(asks('Once', user));
    const limited = await errorOf(clientOf(other.apiKey).chat.completions.create(asks('Twice', user)));
    expect(limited).toMatchObject({ name: 'RateLimitError', status: 429, code: 'rate_limit_exceeded' });
    expect(Number(limited.headers.get('retry-after'))).toBeGreaterThan(0);
  });

  test('for a service that is away, with when to come again', async () => {
    temporalOfApi.cut();
    const away = await errorOf(client.chat.completions.create(asks('Hello', somebody())));
    temporalOfApi.restore();
    expect(away).toMatchObject({ name: 'InternalServerError', status: 503, code: 'service_unavailable' });
    expect(Number(away.headers.get('retry-after'))).toBeGreaterThan(0);
    await eventually(async () => (await system.request('GET', '/readyz')).status === 200);
  });

  test('for a Temporal whose answer is missing: it may have the message, so no client sends it again itself', async () => {
    const [user, keyed, other] = [somebody(), somebody(), somebody()];
    const patient = new OpenAI({ baseURL: `${system.baseUrl}/v1`, apiKey: system.apiKey });
    const agentId = system.agent.id;
    const call = {
      ...{ jsonrpc: '2.0', id: 1, method: 'tools/call' },
      params: { name: 'send_message', arguments: { agentId, userId: other, text: 'Hello' } },
    };
    temporalOfApi.stall();
    const [late, lateWithKey, lateTool] = await Promise.all([
      errorOf(patient.chat.completions.create(asks('Hello', user))),
      errorOf(
        client.chat.completions.create(asks('Hello', keyed), {
          headers: { 'Idempotency-Key': randomUUID() },
        }),
      ),
      system.request('POST', '/mcp', call, { accept: 'application/json, text/event-stream' }),
    ]);
    temporalOfApi.restore();
    expect(late).toMatchObject({ status: 503, code: 'service_unavailable' });
    expect(String(late.error)).toMatch(/may have been taken/);
    expect(late.headers.get('x-should-retry')).toBe('false');
    expect(lateWithKey.status).toBe(503);
    expect(lateWithKey.headers.get('x-should-retry')).toBeNull();
    expect(JSON.stringify(lateTool.body)).toMatch(/may have been taken/);
    const { rows } = await system.database.admin.query('SELECT 1 FROM turns WHERE user_id = $1', [user]);
    expect(rows).toHaveLength(1);
    await eventually(async () => (await system.request('GET', '/readyz')).status === 200);
  });

  test('for a model that fails for good: told once, and not tried again by the client itself', async () => {
    system.llm.answerWith(() => fail(401));
    const patient = new OpenAI({ baseURL: `${system.baseUrl}/v1`, apiKey: system.apiKey });
    for (const stream of [false, true]) {
      const failed = await errorOf(patient.chat.completions.create({ ...asks('Fail', somebody()), stream }));
      expect(failed).toMatchObject({ status: 502, code: 'no_reply' });
      expect(String(failed.error)).toMatch(/does not accept my key/);
    }
    // What Temporal was sent while its answers were missing may come to the model meanwhile.
    const own = system.llm.prompts.filter((prompt) => prompt.at(-1)?.content === 'Fail');
    expect(own).toHaveLength(2);
  });
});

describe('a client that goes away', () => {
  const held: ServerResponse[] = [];
  const hold = () =>
    system.llm.answerWith(() => (res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.write(chunk({ content: 'Half a ' }));
      held.push(res);
    });
  const idOfLast = async (user: string) => {
    const { rows } = await system.database.admin.query<{ message_id: string }>(
      'SELECT message_id FROM turns WHERE user_id = $1',
      [user],
    );
    return rows[0]?.message_id ?? '';
  };

  test('has stopped its turn, whole or streamed', async () => {
    hold();
    const [plain, streamed] = [somebody(), somebody()];
    const gone = new AbortController();
    const whole = errorOf(client.chat.completions.create(asks('Stop', plain), { signal: gone.signal }));
    await eventually(() => held.length === 1);
    gone.abort();
    expect((await whole).name).toBe('APIUserAbortError');
    const stream = await client.chat.completions.create({ ...asks('Stop', streamed), stream: true });
    for await (const { choices } of stream) if (choices[0]?.delta.content) break;
    for (const user of [plain, streamed]) {
      const id = await idOfLast(user);
      await eventually(async () => (await stateOf(id)) === 'failed', { timeoutMs: 30_000 });
      expect((await system.memoryOf(user)).body['window']).toEqual([]);
    }
    await eventually(() => held.every(({ closed }) => closed));
  });

  test('with an Idempotency-Key finds its reply when it comes again', async () => {
    hold();
    held.length = 0;
    const user = somebody();
    const options = { headers: { 'Idempotency-Key': randomUUID() } };
    const gone = new AbortController();
    const first = errorOf(
      client.chat.completions.create(asks('Go on', user), { ...options, signal: gone.signal }),
    );
    await eventually(() => held.length === 1);
    gone.abort();
    await first;
    held[0]?.end(`${chunk({ content: 'word.' })}${chunk({}, 'stop')}data: [DONE]\n\n`);
    expect(textOf(await client.chat.completions.create(asks('Go on', user), options))).toBe('Half a word.');
  });
});

test('a reply that begins anew ends a stream with an error, unless it begins alike', async () => {
  const breaksOff = (first: string, then: string) => {
    let nth = 0;
    system.llm.answerWith(() =>
      (nth += 1) > 1
        ? then
        : async (res) => {
            res.writeHead(200, { 'content-type': 'text/event-stream' });
            res.write(chunk({ content: first }));
            await new Promise((resolve) => setTimeout(resolve, 600));
            res.destroy();
          },
    );
  };
  const read = async (): Promise<string> => {
    const stream = await client.chat.completions.create({ ...asks('Hi', somebody()), stream: true });
    let text = '';
    for await (const { choices } of stream) text += choices[0]?.delta.content ?? '';
    return text;
  };
  breaksOff('Good ', 'Good morning');
  expect(await read()).toBe('Good morning');
  breaksOff('Good ', 'Bad morning');
  expect(await errorOf(read())).toMatchObject({ code: 'reply_begun_anew' });
});
