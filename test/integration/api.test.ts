import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { MAX_BODY_BYTES } from '../../src/intake/fields.ts';
import type { Answer } from '../support/api-client.ts';
import { eventually } from '../support/eventually.ts';
import { createTestTenant } from '../support/services.ts';
import { AS_OPERATOR, startSystem, type System } from '../support/system.ts';

let system: System;
beforeAll(async () => {
  system = await startSystem();
});
afterAll(() => system.stop());

const memoryOf = (userId: string, query?: string) => system.memoryOf(userId, query);
const memoriesOf = async (userId: string) => (await memoryOf(userId)).body['memories'] as unknown[];
const replyOf = (answer: Answer) => (answer.body['reply'] as { text: string }).text;

describe('POST /v1/agents/{agentId}/messages', () => {
  test('with Prefer: wait gives the reply and the memories recalled for it', async () => {
    const { status, headers, body } = await system.say('My dog is called Rex', { userId: 'wait' });
    expect(status).toBe(200);
    expect(headers.get('preference-applied')).toBe('wait=60');
    expect(body).toMatchObject({
      messageId: expect.any(String),
      workflowId: `${system.tenantId}:message:${String(body['messageId'])}`,
      state: 'done',
      reply: { text: 'Noted: My dog is called Rex' },
      memory: { windowSize: 0, recalled: [] },
      missing: [],
    });
    const next = await system.say('What is my dog called?', { userId: 'wait' });
    expect(next.body['memory']).toMatchObject({ windowSize: 2 });
    expect(system.llm.prompts.at(-1)?.slice(1)).toEqual([
      { role: 'user', content: 'My dog is called Rex' },
      { role: 'assistant', content: 'Noted: My dog is called Rex' },
      { role: 'user', content: 'What is my dog called?' },
    ]);
  });

  test('without Prefer gives 202 at once, and the message can be looked up', async () => {
    const accepted = await system.say('Later', { userId: 'later', headers: { prefer: '' } });
    expect(accepted.status).toBe(202);
    const { messageId, workflowId } = accepted.body;
    expect(accepted.headers.get('location')).toBe(`/v1/messages/${String(messageId)}`);
    const done = await eventually(async () => {
      const { body } = await system.request('GET', `/v1/messages/${String(messageId)}`);
      return body['state'] === 'done' && body;
    });
    expect(done).toMatchObject({ messageId, workflowId, reply: { text: 'Noted: Later' } });
  });

  test('recalls messages that have left the window, and none that are still in it', async () => {
    const userId = 'recall';
    await system.say('My sister Anna lives in Lisbon', { userId });
    for (let i = 0; i < 10; i += 1) await system.say(`Please note item number ${i} of the list`, { userId });
    await eventually(async () => (await memoriesOf(userId)).length >= 22);
    const { body } = await system.say('Where does my sister live?', { userId });
    const { recalled } = body['memory'] as { recalled: Array<Record<string, unknown>> };
    expect(recalled[0]).toMatchObject({
      content: 'My sister Anna lives in Lisbon',
      role: 'user',
      score: expect.any(Number),
      createdAt: expect.stringMatching(/^\d{4}-/),
      exchangeId: expect.any(String),
    });
    expect(system.llm.prompts.at(-1)?.[0]?.content).toContain('My sister Anna lives in Lisbon');
    const again = await system.say('Please note item number 9 of the list', { userId });
    const { recalled: inWindow } = again.body['memory'] as { recalled: Array<{ content: string }> };
    expect(inWindow.map(({ content }) => content)).not.toContain('Please note item number 9 of the list');
  });

  test('users of one agent share nothing', async () => {
    await system.say('The code word is heliotrope', { userId: 'one' });
    await eventually(async () => (await memoriesOf('one')).length === 2);
    const { body } = await system.say('The code word is?', { userId: 'two' });
    expect(body['memory']).toMatchObject({ windowSize: 0, recalled: [] });
  });
});

describe('Idempotency-Key', () => {
  test('with the same key and body, also at the same time, there is one turn with one answer', async () => {
    const headers = { 'idempotency-key': `key-${randomUUID()}` };
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => system.say('Once', { userId: 'key', headers })),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(new Set(answers.map(({ body }) => body['messageId'])).size).toBe(1);
    expect(new Set(answers.map(replyOf))).toEqual(new Set(['Noted: Once']));
    expect((await memoryOf('key')).body['window']).toHaveLength(2);
    await eventually(async () => (await memoriesOf('key')).length === 2);
    expect((await system.say('Once', { userId: 'key', headers })).body).toEqual(answers[0]?.body);
  });

  test('with the same key and another body a message is refused', async () => {
    const headers = { 'idempotency-key': `key-${randomUUID()}` };
    await system.say('First', { userId: 'key2', headers });
    const { status, body } = await system.say('Second', { userId: 'key2', headers });
    expect(status).toBe(422);
    expect(body['errors']).toEqual([{ field: 'Idempotency-Key', problem: expect.any(String) }]);
  });
});

describe('when the model refuses permanently', () => {
  test('a waiting sender gets one line, and the turn is shown as failed', async () => {
    system.llm.answerWith((messages) => {
      if (messages.at(-1)?.content !== 'Refuse this') return `Noted: ${messages.at(-1)?.content}`;
      return (res) => void res.writeHead(400, { 'content-type': 'application/json' }).end('{}');
    });
    const { status, headers, body } = await system.say('Refuse this', { userId: 'refused' });
    expect(status).toBe(502);
    expect(headers.get('content-type')).toMatch('application/problem+json');
    expect(body).toMatchObject({ state: 'failed', reply: { text: expect.stringMatching(/^Sorry/) } });
    const found = await system.request('GET', `/v1/messages/${String(body['messageId'])}`);
    expect(found.body).toMatchObject({ state: 'failed', reply: { text: expect.stringMatching(/^Sorry/) } });
    expect((await memoryOf('refused')).body).toMatchObject({ window: [], memories: [] });

    // Two retries of the turn at the same time, now that the model answers.
    system.llm.answerWith((messages) => `Now noted: ${messages.at(-1)?.content}`);
    const retry = () =>
      system.request('POST', `/v1/messages/${String(body['messageId'])}/retry`, undefined, {
        prefer: 'wait=60',
      });
    expect((await retry()).body).toMatchObject({ state: 'done', reply: { text: 'Now noted: Refuse this' } });
    await eventually(async () => (await memoriesOf('refused')).length === 2);
    expect((await retry()).status).toBe(409);
    expect((await memoryOf('refused')).body['window']).toHaveLength(2);
    system.llm.answerWith((messages) => `Noted: ${messages.at(-1)?.content}`);
  });
});

describe('GET …/memory', () => {
  test('pages from the newest to the oldest, each memory once', async () => {
    const userId = 'pages';
    for (let i = 0; i < 3; i += 1) await system.say(`Page ${i}`, { userId });
    await eventually(async () => (await memoriesOf(userId)).length === 6);
    const seen: string[] = [];
    let cursor = '';
    do {
      const { body } = await memoryOf(userId, `?limit=4${cursor && `&cursor=${cursor}`}`);
      seen.push(...(body['memories'] as Array<{ content: string }>).map(({ content }) => content));
      cursor = String(body['nextCursor'] ?? '');
    } while (cursor);
    expect(seen).toEqual([2, 1, 0].flatMap((i) => [`Noted: Page ${i}`, `Page ${i}`]));
  });

  test('of a user whose id looks like a pattern has only that user’s messages', async () => {
    await system.say('secret of the star', { userId: '*' });
    expect((await memoryOf('star')).body['window']).toEqual([]);
    expect((await memoryOf('*')).body['window']).toHaveLength(2);
  });
});

describe('agents', () => {
  test('are created, listed, read and changed', async () => {
    const made = await system.request('POST', '/v1/agents', { name: 'Otto', recall: { topK: 5 } });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({ name: 'Otto', jobTitle: '', recall: { topK: 5 } });
    const path = `/v1/agents/${String(made.body['id'])}`;
    const changed = await system.request('PATCH', path, {
      persona: 'Dry.',
      model: 'big',
      recall: { threshold: 0.5 },
    });
    expect(changed.body).toMatchObject({
      name: 'Otto',
      persona: 'Dry.',
      model: 'big',
      recall: { topK: 5, threshold: 0.5 },
    });
    expect((await system.request('GET', path)).body).toEqual(changed.body);
    const { agents } = (await system.request('GET', '/v1/agents')).body as { agents: unknown[] };
    expect(agents).toHaveLength(2);
  });
});

describe('tenants and their keys', () => {
  test('the operator makes a tenant, whose key works until it is rotated or revoked', async () => {
    const made = await system.request('POST', '/v1/tenants', { name: 'New' }, AS_OPERATOR);
    expect(made.status).toBe(201);
    const { tenantId, apiKey, apiKeyId } = made.body as Record<string, string>;
    const list = (key: string | undefined) =>
      system.request('GET', '/v1/agents', undefined, { authorization: `Bearer ${key}` });
    expect((await list(apiKey)).body).toEqual({ agents: [], nextCursor: null });

    const keys = `/v1/tenants/${tenantId}/api-keys`;
    const rotated = await system.request('POST', `${keys}/${apiKeyId}/rotate`, undefined, AS_OPERATOR);
    const { apiKey: newKey, apiKeyId: newKeyId } = rotated.body as Record<string, string>;
    expect((await list(apiKey)).status).toBe(401);
    expect((await list(newKey)).status).toBe(200);

    const issued = await system.request('POST', keys, undefined, AS_OPERATOR);
    expect((await system.request('DELETE', `${keys}/${newKeyId}`, undefined, AS_OPERATOR)).status).toBe(204);
    expect((await list(newKey)).status).toBe(401);
    expect((await list(String(issued.body['apiKey']))).status).toBe(200);
  });

  test('only the operator can create tenants, and keys are stored as hashes', async () => {
    expect((await system.request('POST', '/v1/tenants', { name: 'New' })).status).toBe(401);
    const { rows } = await system.database.admin.query<{ keys: string }>(
      `SELECT string_agg(k::text, ' ') AS keys FROM api_keys k`,
    );
    expect(rows[0]?.keys).not.toContain(system.apiKey.slice(12));
  });
});

describe('another tenant’s resources', () => {
  test('are not found, as if they did not exist', async () => {
    const other = await createTestTenant(system.database.pool);
    const message = await system.say('Mine', { userId: 'mine' });
    const asOther = { authorization: `Bearer ${other.apiKey}` };
    const missing = randomUUID();
    for (const [method, path, body] of [
      ['POST', (id: string) => `/v1/agents/${id}/messages`, { userId: 'u', text: 'hi' }],
      ['GET', (id: string) => `/v1/agents/${id}`, undefined],
      ['PATCH', (id: string) => `/v1/agents/${id}`, { name: 'Stolen' }],
      ['GET', (id: string) => `/v1/agents/${id}/users/mine/memory`, undefined],
    ] as const) {
      const theirs = await system.request(method, path(system.agent.id), body, asOther);
      const nobodys = await system.request(method, path(missing), body, asOther);
      expect(theirs.status).toBe(404);
      expect(theirs.body).toEqual(nobodys.body);
    }
    const found = await system.request(
      'GET',
      `/v1/messages/${String(message.body['messageId'])}`,
      undefined,
      asOther,
    );
    expect(found.status).toBe(404);
  });
});

describe('bad requests', () => {
  const path = () => `/v1/agents/${system.agent.id}/messages`;

  test.each([
    ['no key', { authorization: '' }],
    ['a wrong key', { authorization: 'Bearer konstruct_wrong' }],
    ['another scheme', { authorization: 'Basic Zm9vOmJhcg==' }],
  ])('%s is 401', async (_name, headers) => {
    const { status, headers: sent, body } = await system.request('GET', '/v1/agents', undefined, headers);
    expect(status).toBe(401);
    expect(sent.get('www-authenticate')).toBe('Bearer');
    expect(sent.get('content-type')).toMatch('application/problem+json');
    expect(body).toMatchObject({ type: 'about:blank', title: 'Unauthorized', status: 401 });
  });

  test.each([
    ['malformed JSON', '{"userId": "u", ', 400, 'body'],
    ['no body', undefined, 400, 'body'],
    ['an array', '[]', 400, 'body'],
    ['a missing field', { userId: 'u' }, 400, 'text'],
    ['an empty text', { userId: 'u', text: '' }, 400, 'text'],
    ['a text that is too long', { userId: 'u', text: 'x'.repeat(32_001) }, 413, 'text'],
    ['a huge body', { userId: 'u', text: 'x'.repeat(MAX_BODY_BYTES) }, 413, 'body'],
    ['NUL', '{"userId":"u","text":"a\\u0000b"}', 400, 'text'],
    ['a lone surrogate', '{"userId":"u","text":"a\\ud800b"}', 400, 'text'],
  ])('%s names the field, and nothing is started', async (_name, body, status, field) => {
    const before = await system.database.admin.query('SELECT count(*) FROM turns');
    const answer = await system.request('POST', path(), body);
    expect(answer.status).toBe(status);
    expect(answer.body['errors']).toEqual([{ field, problem: expect.any(String) }]);
    expect((await system.database.admin.query('SELECT count(*) FROM turns')).rows).toEqual(before.rows);
  });

  test('the error for a too long Idempotency-Key names the header', async () => {
    const answer = await system.say('Hi', { headers: { 'idempotency-key': 'x'.repeat(201) } });
    expect(answer.status).toBe(400);
    expect(answer.body['detail']).toMatch(/^Idempotency-Key must be at most 200/);
  });

  test('an unknown path, an invalid id, and a malformed path', async () => {
    expect((await system.request('GET', '/v1/nothing')).status).toBe(404);
    expect((await system.request('GET', '/v1/agents/not-a-uuid')).status).toBe(404);
    expect((await system.request('GET', '/v1/messages/%00')).status).toBe(404);
    expect((await system.request('GET', '/v1/agents/%E0%A4%A')).status).toBe(404);
  });

  test('a method that a path doesn’t have is told which it has', async () => {
    const answer = await system.request('DELETE', `/v1/agents/${system.agent.id}`);
    expect(answer).toMatchObject({ status: 405, body: { title: 'Method not allowed' } });
    expect(answer.headers.get('allow')).toBe('GET, HEAD, PATCH');
    const audit = await system.request('DELETE', '/v1/tenants/audit', undefined, AS_OPERATOR);
    expect(audit.headers.get('allow')).toBe('GET, HEAD');
    // It stands in two routers.
    const memory = await system.request('OPTIONS', `/v1/agents/${system.agent.id}/users/ada/memory`);
    expect(memory.headers.get('allow')).toBe('GET, HEAD, DELETE');
    expect((await system.request('PUT', '/healthz')).headers.get('allow')).toBe('GET, HEAD');
    const scope = `/v1/agents/${system.agent.id}/users/ada`;
    const lines = { 'content-type': 'application/x-ndjson' };
    expect((await system.request('PATCH', `${scope}/memory/import`, '{}', lines)).status).toBe(405);
  });

  test('a body that is not JSON is refused, and no key is issued without what it asks for', async () => {
    const path = `/v1/tenants/${system.tenantId}/api-keys`;
    const form = { ...AS_OPERATOR, 'content-type': 'application/x-www-form-urlencoded' };
    expect((await system.request('POST', path, '{"role":"read"}', form)).status).toBe(415);
    expect((await system.request('POST', path, 'null', AS_OPERATOR)).status).toBe(400);
    expect((await system.request('POST', path, undefined, AS_OPERATOR)).status).toBe(201);
  });

  test('a page’s limit is a whole number, as the description says', async () => {
    for (const limit of ['1e1', '0x10', '%201', '1.5', '-1', '0', '201', '']) {
      expect((await system.request('GET', `/v1/agents?limit=${limit}`)).status).toBe(400);
    }
    expect((await system.request('GET', '/v1/agents?limit=200')).status).toBe(200);
  });
});

describe('the system’s own paths', () => {
  test('health, readiness, metrics and description', async () => {
    expect((await system.request('GET', '/healthz')).body).toEqual({ status: 'ok' });
    expect((await system.request('GET', '/readyz')).body).toMatchObject({ status: 'ready', missing: [] });
    const { body } = await system.request('GET', '/openapi.json');
    expect(Object.keys(body['paths'] as object)).toContain('/v1/agents/{agentId}/messages');
    const metrics = await (await fetch(`${system.baseUrl}/metrics`)).text();
    expect(metrics).toMatch(
      /konstruct_http_request_duration_seconds_count\{.*route="\/v1\/agents\/\{agentId\}\/messages"/,
    );
  });
});
