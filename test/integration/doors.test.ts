/** What the API tells and does for whom it doesn't know, and ids that mean the same. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { OPERATOR_CALLS, TENANT_CALLS } from '../../src/api/calls.ts';
import { createTestTenant } from '../support/services.ts';
import { AS_OPERATOR, startSystem, type SlackSystem } from '../support/system.ts';

let system: SlackSystem;
beforeAll(async () => {
  system = await startSystem({ slack: true });
});
afterAll(() => system.stop());

const { authorization: OPERATOR } = AS_OPERATOR;
const portOf = () => Number(new URL(system.baseUrl).port);

describe('/readyz', () => {
  test('asks the services once for many that ask it at once', async () => {
    const count = async () => {
      const { rows } = await system.database.admin.query<{ n: string }>(
        `SELECT coalesce(sum(xact_commit), 0) AS n FROM pg_stat_database WHERE datname = current_database()`,
      );
      return Number(rows[0]?.n);
    };
    await system.request('GET', '/readyz');
    const before = await count();
    await Promise.all(Array.from({ length: 300 }, () => system.request('GET', '/readyz')));
    expect((await count()) - before).toBeLessThan(100);
  });

  test('names services, and neither address nor error', async () => {
    const { body } = await system.request('GET', '/readyz', undefined, { authorization: '' });
    const checks = body['checks'] as Record<string, string>;
    expect(Object.keys(checks).toSorted()).toEqual(['postgres', 'redis', 'temporal', 'worker']);
    for (const said of Object.values(checks)) expect(['ok', 'away']).toContain(said);
  });
});

test('the description of the API is put together once, however many ask for it', async () => {
  const stringify = jest.spyOn(JSON, 'stringify');
  for (let i = 0; i < 5; i += 1) {
    const description = await (await fetch(`${system.baseUrl}/openapi.json`)).text();
    expect(description).toMatch(/^\{"openapi":"3\.1\.0"/);
  }
  const told = stringify.mock.calls.filter(
    ([value]) => typeof value === 'object' && value !== null && 'openapi' in value,
  );
  stringify.mockRestore();
  expect(told).toEqual([]);
});

describe('a compressed body is refused unread, at every door that takes one', () => {
  const [read, audited] = [TENANT_CALLS, OPERATOR_CALLS].map((calls) =>
    calls.filter(({ method }) => method !== 'get'),
  );
  const doors = [
    ...(read ?? []).map(({ method, path }) => [method.toUpperCase(), `/v1${path}`, undefined] as const),
    ...(audited ?? []).map(
      ({ method, path }) => [method.toUpperCase(), `/v1/tenants${path}`, OPERATOR] as const,
    ),
    ['POST', '/mcp', undefined] as const,
    ['POST', '/console/session', ''] as const,
    ['POST', '/slack/events', ''] as const,
    ['POST', '/slack/interactions', ''] as const,
  ];
  const codings = { gzip: gzipSync, br: brotliCompressSync, deflate: deflateSync, zstd: zstdCompressSync };

  test.each(doors)('%s %s', async (method, path, authorization = `Bearer ${system.apiKey}`) => {
    const at = path
      .replace(':agentId', system.agent.id)
      .replace(':tenantId', system.tenantId)
      .replace(':userId', 'ada')
      .replace(/:(?:message|exchange|key|thread|channel)Id/, randomUUID());
    const now = String(Math.floor(Date.now() / 1_000));
    for (const [coding, compress] of Object.entries(codings)) {
      const headers = {
        ...{ authorization, 'content-type': 'application/json', 'content-encoding': coding },
        ...{ 'x-slack-request-timestamp': now, 'x-slack-signature': 'v0=0' },
      };
      const body = compress(Buffer.from(`{"text":"${'a'.repeat(100_000)}"}`));
      const answer = await fetch(system.baseUrl + at, { method, headers, body: new Uint8Array(body) });
      await answer.arrayBuffer();
      expect([coding, answer.status]).toEqual([coding, 415]);
    }
  });
});

test('no answer may be stored but the description of the API', async () => {
  for (const [method, path] of [
    ['GET', '/v1/agents'],
    ['GET', '/v1/nothing'],
    ['GET', '/healthz'],
    ['GET', '/readyz'],
    ['POST', '/v1/tenants'],
    ['POST', '/slack/events'],
  ] as const) {
    const { headers } = await system.request(method, path, method === 'POST' ? { name: '' } : undefined);
    expect([path, headers.get('cache-control')]).toEqual([path, 'no-store']);
  }
  expect((await system.request('GET', '/openapi.json')).headers.get('cache-control')).toBe(
    'public, max-age=300',
  );
});

describe('an agent’s id in upper case is the same agent', () => {
  test('to read, to change, to speak to and to remember', async () => {
    const upper = system.agent.id.toUpperCase();
    const path = `/v1/agents/${upper}`;
    expect((await system.request('GET', path)).body['id']).toBe(system.agent.id);
    expect((await system.request('PATCH', path, { persona: 'Dry.' })).body['id']).toBe(system.agent.id);
    await system.say('I was here', { userId: 'case' });
    const said = await system.request(
      'POST',
      `${path}/messages`,
      { userId: 'case', text: 'And here' },
      { prefer: 'wait=60' },
    );
    expect(said.body['memory']).toMatchObject({ windowSize: 2 });
    const messageId = String(said.body['messageId']).toUpperCase();
    expect((await system.request('GET', `/v1/messages/${messageId}`)).body['state']).toBe('done');
    const { body } = await system.request('GET', `${path}/users/case/memory`);
    expect(body['window']).toHaveLength(4);
  });

  test('and a tenant’s', async () => {
    const { body } = await system.request(
      'GET',
      `/v1/tenants/${system.tenantId.toUpperCase()}`,
      undefined,
      AS_OPERATOR,
    );
    expect(body['id']).toBe(system.tenantId);
  });
});

test('a person of a channel can’t be spoken for over HTTP', async () => {
  for (const userId of ['slack:T1:U1', 'slack:']) {
    const { status, body } = await system.postMessage(userId, 'I am somebody else');
    expect(status).toBe(400);
    expect(body['errors']).toEqual([{ field: 'userId', problem: expect.stringMatching(/slack/) }]);
  }
  expect((await system.postMessage('slacker:U1', 'I am myself')).status).toBe(202);
});

test('an event without Slack’s headers, or with old ones, is refused before its body is read', async () => {
  for (const headers of ['', 'x-slack-signature: v0=0\r\nx-slack-request-timestamp: 1\r\n']) {
    const socket = connect(portOf(), '127.0.0.1');
    let said = '';
    socket.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const closed = once(socket, 'close');
    // The body never comes.
    socket.write(`POST /slack/events HTTP/1.1\r\nHost: x\r\n${headers}Content-Length: 1000000\r\n\r\n`);
    await closed;
    expect(said).toMatch(/^HTTP\/1\.1 401 /);
  }
});

test('keys are listed with name and last use, and the listed id revokes', async () => {
  const { tenantId, apiKey } = await createTestTenant(system.database.pool);
  const path = `/v1/tenants/${tenantId}/api-keys`;
  const asOperator = (method: string, at = '', body?: unknown) =>
    system.request(method, path + at, body, AS_OPERATOR);
  const listed = async () => (await asOperator('GET')).body['apiKeys'] as Record<string, unknown>[];
  const issued = await asOperator('POST', '', { name: 'nightly export' });
  const [first, second] = await listed();
  expect(first).toMatchObject({ name: '', lastUsedAt: null, revokedAt: null });
  expect(second).toEqual({
    apiKeyId: issued.body['apiKeyId'],
    name: 'nightly export',
    role: 'admin',
    expiresAt: null,
    createdAt: expect.stringMatching(/^\d{4}-/),
    lastUsedAt: null,
    revokedAt: null,
  });
  const asTenant = { authorization: `Bearer ${apiKey}` };
  expect((await system.request('GET', '/v1/agents', undefined, asTenant)).status).toBe(200);
  const [used] = await listed();
  expect(used?.['lastUsedAt']).toMatch(/^\d{4}-/);
  expect((await asOperator('DELETE', `/${String(used?.['apiKeyId'])}`)).status).toBe(204);
  expect((await system.request('GET', '/v1/agents', undefined, asTenant)).status).toBe(401);
  expect((await listed())[0]?.['revokedAt']).toMatch(/^\d{4}-/);
  expect((await system.request('GET', path)).status).toBe(401);
});

test('wrong operator’s tokens are refused, however many; they keep the right one from nothing', async () => {
  const guess = async (authorization: string) =>
    (await system.request('GET', `/v1/tenants/${system.tenantId}`, undefined, { authorization })).status;
  const statuses = await Promise.all(
    Array.from({ length: 200 }, (_, i) => guess(i % 4 === 0 ? OPERATOR : `Bearer guess-${i}`)),
  );
  expect(statuses).toEqual(statuses.map((_, i) => (i % 4 === 0 ? 200 : 401)));
  // Nearly right is wrong, on either side.
  expect(await guess(OPERATOR.slice(0, -1))).toBe(401);
  expect(await guess(`${OPERATOR}x`)).toBe(401);
});
