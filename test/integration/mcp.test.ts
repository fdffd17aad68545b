/** The MCP server, by the SDK's own client. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { storeEmbedding } from '../../src/memory/long-term/memories.ts';
import { tenantReadLimitKey } from '../../src/redis/keys.ts';
import { axis } from '../support/embeddings.ts';
import { eventually } from '../support/eventually.ts';
import { createTestTenant } from '../support/services.ts';
import { AS_OPERATOR, startSystem, type System } from '../support/system.ts';

let system: System;
let admin: Client;
const opened: Client[] = [];
beforeAll(async () => {
  system = await startSystem();
  admin = await clientOf(system.apiKey);
});
afterAll(async () => {
  await Promise.all(opened.map((client) => client.close()));
  await system.stop();
});

async function clientOf(apiKey: string): Promise<Client> {
  const client = new Client({ name: 'test', version: '1.0.0' });
  const headers = { authorization: `Bearer ${apiKey}` };
  await client.connect(
    new StreamableHTTPClientTransport(new URL(`${system.baseUrl}/mcp`), { requestInit: { headers } }),
  );
  opened.push(client);
  return client;
}

type Said = { isError: boolean; value: Record<string, unknown> };
async function call(client: Client, name: string, given: Record<string, unknown>): Promise<Said> {
  const { isError, content } = await client.callTool({ name, arguments: given });
  const [first] = content as Array<{ text: string }>;
  const text = first?.text ?? '';
  return {
    isError: isError === true,
    value: text.startsWith('{') ? (JSON.parse(text) as Said['value']) : { text },
  };
}
const somebody = () => `user-${randomUUID()}`;
const inScope = (userId: string, more: Record<string, unknown> = {}) => ({
  agentId: system.agent.id,
  userId,
  ...more,
});
const keyOf = async (role: string) =>
  String(
    (await system.request('POST', `/v1/tenants/${system.tenantId}/api-keys`, { role }, AS_OPERATOR)).body[
      'apiKey'
    ],
  );
const memoriesOf = async (userId: string) =>
  (await call(admin, 'list_memories', inScope(userId))).value['memories'] as Array<Record<string, unknown>>;

describe('the tools', () => {
  test('are described, with what they take', async () => {
    const { tools } = await admin.listTools();
    const required = Object.fromEntries(tools.map(({ name, inputSchema }) => [name, inputSchema.required]));
    expect(required).toEqual({
      search_memory: ['agentId', 'userId', 'query'],
      list_memories: ['agentId', 'userId'],
      forget_memory: ['agentId', 'userId', 'exchangeId'],
      send_message: ['agentId', 'userId', 'text'],
    });
  });

  test('talk with an agent, list and search what it remembers, and forget', async () => {
    const userId = somebody();
    const said = await call(
      admin,
      'send_message',
      inScope(userId, { text: 'My sister Anna lives in Lisbon' }),
    );
    expect(said).toMatchObject({
      isError: false,
      value: { state: 'done', reply: { text: 'Noted: My sister Anna lives in Lisbon' } },
    });
    await call(admin, 'send_message', inScope(userId, { text: 'I am fond of cheese' }));
    await eventually(async () => (await memoriesOf(userId)).length === 4);
    const found = await call(
      admin,
      'search_memory',
      inScope(userId, { query: 'Where does my sister live?' }),
    );
    const [best] = found.value['memories'] as Array<Record<string, unknown>>;
    expect(best).toMatchObject({ content: 'My sister Anna lives in Lisbon', role: 'user', rank: 1 });
    const exchangeId = best?.['exchangeId'];
    expect(exchangeId).toBe(said.value['messageId']);
    expect((await call(admin, 'search_memory', inScope(somebody(), { query: 'Where?' }))).value).toEqual({
      memories: [],
      hasMore: false,
    });
    const forgotten = await call(admin, 'forget_memory', inScope(userId, { exchangeId }));
    expect(forgotten.value).toEqual({ erasureId: expect.any(String) });
    await eventually(async () => (await memoriesOf(userId)).length === 2, { timeoutMs: 60_000 });
    const { body } = await system.request('GET', '/v1/audit?limit=5');
    expect((body['entries'] as Array<{ action: string }>).map(({ action }) => action)).toContain(
      'memory.erase-exchange',
    );
  });

  test('page through a long memory', async () => {
    const userId = somebody();
    const memory = {
      tenantId: system.tenantId,
      agentId: system.agent.id,
      userId,
      embedding: [1, ...Array<number>(383).fill(0)],
    };
    for (let i = 0; i < 52; i += 1)
      await storeEmbedding(system.database.pool, { ...memory, role: 'user', content: `Number ${i}` });
    const first = (await call(admin, 'list_memories', inScope(userId))).value;
    expect(first['memories']).toHaveLength(50);
    const next = await call(admin, 'list_memories', inScope(userId, { cursor: first['nextCursor'] }));
    expect(next.value).toMatchObject({ memories: [{}, {}], nextCursor: null });
  });
});

describe('whoever may not', () => {
  test('has no key: finds no server', async () => {
    await expect(clientOf('nobody')).rejects.toThrow(/401|Unauthorized/);
    const answer = await fetch(`${system.baseUrl}/mcp`, { method: 'POST' });
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
  });

  test('has a key of another tenant: finds nothing of this one', async () => {
    const userId = somebody();
    const said = await call(admin, 'send_message', inScope(userId, { text: 'Between us' }));
    const other = await createTestTenant(system.database.pool);
    const foreign = await clientOf(other.apiKey);
    for (const [name, more] of [
      ['search_memory', { query: 'Between us' }],
      ['list_memories', {}],
      ['send_message', { text: 'Hello' }],
      ['forget_memory', { exchangeId: said.value['messageId'] }],
    ] as const) {
      expect([name, await call(foreign, name, inScope(userId, more))]).toMatchObject([
        name,
        { isError: true, value: { status: 404, detail: 'There is no such agent.' } },
      ]);
    }
    // Nor by an agent of its own.
    const own = { agentId: other.agent.id, userId };
    expect((await call(foreign, 'search_memory', { ...own, query: 'Between us' })).value).toEqual({
      memories: [],
      hasMore: false,
    });
    const forget = await call(foreign, 'forget_memory', { ...own, exchangeId: said.value['messageId'] });
    expect(forget.value).toMatchObject({ status: 404 });
  });

  test('has not the role: is told which is missing, and leaves its entry', async () => {
    const [chat, read] = [await clientOf(await keyOf('chat')), await clientOf(await keyOf('read'))];
    const exchangeId = randomUUID();
    for (const [client, name, more, missingRole] of [
      [chat, 'search_memory', { query: 'x' }, 'read'],
      [chat, 'list_memories', {}, 'read'],
      [chat, 'forget_memory', { exchangeId }, 'admin'],
      [read, 'forget_memory', { exchangeId }, 'admin'],
      [read, 'send_message', { text: 'x' }, 'chat'],
    ] as const) {
      expect(await call(client, name, inScope('ada', more))).toMatchObject({
        isError: true,
        value: { status: 403, missingRole },
      });
    }
    const { entries } = (await system.request('GET', '/v1/audit?limit=5')).body as {
      entries: Array<{ action: string; outcome: string }>;
    };
    expect(entries.map(({ action, outcome }) => `${action} ${outcome}`)).toEqual([
      'message.send refused',
      'memory.erase-exchange refused',
      'memory.erase-exchange refused',
      'memory.read refused',
      'memory.search refused',
    ]);
    expect((await call(chat, 'send_message', inScope('ada', { text: 'Hello' }))).isError).toBe(false);
  });

  test('has read all that it may', async () => {
    const other = await createTestTenant(system.database.pool);
    const client = await clientOf(other.apiKey);
    // One comes back in 10 ms.
    const useUpReads = () =>
      system.redis.set(tenantReadLimitKey(other.tenantId), String(Date.now() + 600_000), 'PX', 600_000);
    const inScopeOfOther = { agentId: other.agent.id, userId: 'ada' };
    for (const ask of [
      () => call(client, 'list_memories', inScopeOfOther),
      () => client.listTools(),
      () => clientOf(other.apiKey),
    ]) {
      await useUpReads();
      await expect(ask()).rejects.toThrow('Too many reads');
    }
    await useUpReads();
    const bearer = { authorization: `Bearer ${other.apiKey}` };
    expect(await system.request('POST', '/mcp', '{', bearer)).toMatchObject({
      status: 429,
      body: { limit: 'tenant' },
    });
  });
});

test('what is asked wrongly is told by the field, and a person of a channel can’t be spoken for', async () => {
  expect(await call(admin, 'search_memory', inScope('ada', { query: '' }))).toMatchObject({
    isError: true,
    value: { text: expect.stringContaining('query') },
  });
  expect(await call(admin, 'send_message', inScope('slack:T1:U1', { text: 'x' }))).toMatchObject({
    isError: true,
    value: { status: 400, errors: [{ field: 'userId' }] },
  });
});

test('a request counts as one read, whatever it asks for and whatever becomes of it', async () => {
  const other = await createTestTenant(system.database.pool);
  const bearer = { authorization: `Bearer ${other.apiKey}`, accept: 'application/json, text/event-stream' };
  const ask = (body: unknown) => system.request('POST', '/mcp', body, bearer);
  const tool = (name: string) => ({
    ...{ jsonrpc: '2.0', id: 1, method: 'tools/call' },
    params: { name, arguments: { agentId: other.agent.id, userId: 'ada' } },
  });
  const asked = ['{', [], { jsonrpc: '2.0', id: 1, method: 'ping' }, tool('list_memories'), tool('nothing')];
  for (const body of asked) await ask(body);
  const fullAt = Number(await system.redis.get(tenantReadLimitKey(other.tenantId)));
  // 6,000 a minute: one comes back in 10 ms, and nothing did before the first was taken.
  expect(Math.round((fullAt - Date.now()) / 10)).toBeLessThanOrEqual(asked.length);
});

test('what holds more than any call is refused as by every other door, before it is parsed', async () => {
  const nested = `${'['.repeat(150_000)}${']'.repeat(150_000)}`;
  for (const [path, body] of [
    ['/mcp', `{"jsonrpc":"2.0","id":1,"method":"ping","params":${nested}}`],
    [`/v1/agents/${system.agent.id}/messages`, nested],
    ['/v1/agents', nested],
  ] as const) {
    expect(await system.request('POST', path, body)).toMatchObject({
      status: 400,
      body: { errors: [{ field: 'body', problem: expect.stringContaining('more fields') }] },
    });
  }
});

test('a page is short enough for a model, and its window too', async () => {
  const userId = somebody();
  const memory = { tenantId: system.tenantId, agentId: system.agent.id, userId, embedding: axis(0) };
  const content = '"'.repeat(30_000);
  for (let i = 0; i < 12; i += 1)
    await storeEmbedding(system.database.pool, { ...memory, role: 'user', content });
  const { content: answer } = await admin.callTool({ name: 'list_memories', arguments: inScope(userId) });
  expect(JSON.stringify(answer).length).toBeLessThan(600_000);
  const [first] = answer as Array<{ text: string }>;
  const page = JSON.parse(first?.text ?? '') as { memories: unknown[]; nextCursor: string | null };
  expect([page.memories.length, page.nextCursor === null]).toEqual([4, false]);
});

test('a batch is refused, and so is anything but POST', async () => {
  const message = { jsonrpc: '2.0', id: 1, method: 'tools/list' };
  const { status } = await system.request('POST', '/mcp', [message, message]);
  expect(status).toBe(400);
  for (const method of ['GET', 'DELETE']) expect((await system.request(method, '/mcp')).status).toBe(405);
});
