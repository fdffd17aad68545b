/** Signing in to the console: what the cookie is, what it opens, and when it ends. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { issueApiKey, revokeApiKey } from '../../src/db/api-keys.ts';
import { createTestTenant } from '../support/services.ts';
import { AS_OPERATOR, startSystem, type System } from '../support/system.ts';

let system: System;
let other: { baseUrl: string; close(): Promise<void> };
beforeAll(async () => {
  system = await startSystem();
  other = await system.anotherApi();
});
afterAll(async () => {
  await other.close();
  await system.stop();
});

const OPERATOR_TOKEN = AS_OPERATOR.authorization.replace('Bearer ', '');
const OWN_PAGE = { 'sec-fetch-site': 'same-origin' };
const NO_BEARER = { authorization: '' };
const SESSION = '/console/session';

/** A request without a key, as a browser sends it. */
const browse = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
  system.request(method, path, body, { ...NO_BEARER, ...headers });
const signIn = (token: string, headers: Record<string, string> = OWN_PAGE) =>
  browse('POST', SESSION, { token }, headers);
async function cookieFor(token: string, headers?: Record<string, string>): Promise<string> {
  const { status, headers: sent } = await signIn(token, headers);
  expect(status).toBe(204);
  return String(sent.get('set-cookie')?.split(';')[0]);
}
const newKey = async (role: 'chat' | 'read' | 'admin', tenantId = system.tenantId) => {
  const key = await issueApiKey(system.database.operator, tenantId, { role, name: `a ${role} key` });
  if (!key) throw new Error('no room for a key');
  return key;
};

describe('the cookie', () => {
  test('is read by no script, sent by no other page, ends with the day, and shows nothing of the key', async () => {
    const { headers } = await signIn(system.apiKey);
    const set = String(headers.get('set-cookie'));
    expect(set).toMatch(
      /^konstruct_session=[\w.-]+; Max-Age=43200; Path=\/; Expires=[^;]+; HttpOnly; SameSite=Strict$/,
    );
    expect(set).not.toContain(system.apiKey.slice(10));
  });
  test('goes by https alone where it came by https, and is this very host’s', async () => {
    const byHttps = { 'x-forwarded-proto': 'https' };
    const { headers } = await signIn(system.apiKey, { ...OWN_PAGE, ...byHttps });
    const set = String(headers.get('set-cookie'));
    // What a browser asks of the prefix.
    expect(set).toMatch(/^__Host-konstruct_session=/);
    expect(set).toMatch(/; Path=\/;.*; Secure/);
    expect(set).not.toMatch(/Domain/i);
    const cookie = String(set.split(';')[0]);
    const look = (more: Record<string, string>) => browse('GET', '/v1/agents', undefined, more);
    expect((await look({ cookie, ...byHttps })).status).toBe(200);
    // As another host of the domain may set it.
    expect((await look({ cookie: cookie.replace('__Host-', ''), ...byHttps })).status).toBe(401);
    const out = await browse('DELETE', SESSION, undefined, { cookie, ...OWN_PAGE, ...byHttps });
    expect(out.headers.get('set-cookie')).toMatch(/^__Host-konstruct_session=; .*1970.*Secure/);
  });
  test('that was changed is nobody’s', async () => {
    const cookie = await cookieFor(system.apiKey);
    const changed = cookie.slice(0, -2) + (cookie.endsWith('AA') ? 'BB' : 'AA');
    expect((await browse('GET', '/v1/agents', undefined, { cookie: changed })).status).toBe(401);
    expect((await browse('GET', SESSION, undefined, { cookie: changed })).body).toEqual({ kind: 'none' });
  });
  test('opens another API process too', async () => {
    const cookie = await cookieFor(system.apiKey);
    const answer = await fetch(`${other.baseUrl}/v1/agents`, { headers: { cookie } });
    expect(answer.status).toBe(200);
  });
});

describe('a session', () => {
  test('says who has signed in', async () => {
    const { id, apiKey } = await newKey('read');
    const cookie = await cookieFor(apiKey);
    expect((await browse('GET', SESSION, undefined, { cookie })).body).toMatchObject({
      kind: 'key',
      tenantId: system.tenantId,
      role: 'read',
      keyId: id,
      keyName: 'a read key',
      canSearch: true,
      workflowsUrl: null,
    });
    expect((await browse('GET', SESSION)).body).toEqual({ kind: 'none' });
  });

  test('may what its key may', async () => {
    const cookie = await cookieFor((await newKey('read')).apiKey);
    expect((await browse('GET', '/v1/agents', undefined, { cookie })).status).toBe(200);
    const made = await browse('POST', '/v1/agents', { name: 'Noor' }, { cookie, ...OWN_PAGE });
    expect(made).toMatchObject({ status: 403, body: { missingRole: 'admin' } });
    expect((await browse('GET', `/v1/tenants/${system.tenantId}`, undefined, { cookie })).status).toBe(401);
  });

  test('ends with its key at once, and when somebody signs out', async () => {
    const { id, apiKey } = await newKey('admin');
    const cookie = await cookieFor(apiKey);
    const out = await browse('DELETE', SESSION, undefined, { cookie, ...OWN_PAGE });
    expect(out.status).toBe(204);
    expect(out.headers.get('set-cookie')).toMatch(/^konstruct_session=; .*1970/);
    await revokeApiKey(system.database.operator, system.tenantId, id);
    expect((await browse('GET', '/v1/agents', undefined, { cookie })).status).toBe(401);
    expect((await browse('GET', SESSION, undefined, { cookie })).body).toEqual({ kind: 'none' });
  });

  test('of the operator opens the operator’s door and no tenant’s', async () => {
    const cookie = await cookieFor(OPERATOR_TOKEN);
    expect((await browse('GET', SESSION, undefined, { cookie })).body).toEqual({
      kind: 'operator',
      workflowsUrl: null,
    });
    expect((await browse('GET', `/v1/tenants/${system.tenantId}`, undefined, { cookie })).status).toBe(200);
    expect((await browse('GET', '/v1/agents', undefined, { cookie })).status).toBe(401);
    const made = await browse('POST', '/v1/tenants', { name: 'New' }, { cookie, ...OWN_PAGE });
    expect(made.status).toBe(201);
  });

  test('of one tenant sees nothing of another', async () => {
    const tenant = await createTestTenant(system.database.pool);
    const cookie = await cookieFor(tenant.apiKey);
    const path = `/v1/agents/${system.agent.id}`;
    expect((await browse('GET', path, undefined, { cookie })).status).toBe(404);
    expect((await browse('GET', `/v1/agents/${tenant.agent.id}`, undefined, { cookie })).status).toBe(200);
  });

  test('is no key at /mcp, and counts for nothing beside a bearer', async () => {
    const cookie = await cookieFor(system.apiKey);
    const listed = { jsonrpc: '2.0', id: 1, method: 'tools/list' };
    expect((await browse('POST', '/mcp', listed, { cookie, ...OWN_PAGE })).status).toBe(401);
    const headers = { cookie, authorization: 'Bearer konstruct_wrong' };
    expect((await system.request('GET', '/v1/agents', undefined, headers)).status).toBe(401);
  });
});

describe('a page that shows another session than the browser has by now', () => {
  const shows = (session: string) => ({ ...OWN_PAGE, 'konstruct-session': session });

  test('is refused whatever it asks, and does nothing; one that shows this session is not', async () => {
    const [own, others] = [await newKey('admin'), await newKey('admin')];
    const cookie = await cookieFor(own.apiKey);
    const { agent } = system;
    const memory = `/v1/agents/${agent.id}/users/ada/memory`;
    const before = (await browse('GET', '/v1/agents', undefined, { cookie })).body;
    for (const [method, path, body] of [
      ['GET', '/v1/agents'],
      ['POST', '/v1/agents', { name: 'Noor' }],
      ['POST', `/v1/agents/${agent.id}/messages`, { userId: 'ada', text: 'Hello' }],
      ['GET', `${memory}/export`],
      ['DELETE', memory],
      ['GET', `/v1/messages/${agent.id}/events`],
      ['DELETE', SESSION],
    ] as const)
      for (const shown of [others.id, 'operator', '']) {
        const { status, body: said, headers } = await browse(method, path, body, { cookie, ...shows(shown) });
        expect({ method, path, status, title: said['title'] }).toEqual({
          ...{ method, path, status: 401, title: 'Another session' },
        });
        expect(said['detail']).toMatch(/Load the page again/);
        expect(headers.get('set-cookie')).toBeNull();
      }
    const look = await browse('GET', '/v1/agents', undefined, { cookie, ...shows(own.id) });
    expect(look).toMatchObject({ status: 200, body: before });
    expect((await browse('DELETE', SESSION, undefined, { cookie, ...shows(own.id) })).status).toBe(204);
  });

  test('is refused where the operator has signed in, or has gone', async () => {
    const key = await newKey('admin');
    const path = '/v1/tenants';
    const [ofKey, ofOperator] = [await cookieFor(key.apiKey), await cookieFor(OPERATOR_TOKEN)];
    const asked = (cookie: string, shown: string) =>
      browse('POST', path, { name: 'New' }, { cookie, ...shows(shown) });
    for (const refused of [await asked(ofKey, 'operator'), await asked(ofOperator, key.id)])
      expect(refused).toMatchObject({ status: 401, body: { title: 'Another session' } });
    expect((await asked(ofOperator, 'operator')).status).toBe(201);
  });
});

describe('what a page of others sends with the cookie', () => {
  const FOREIGN = [
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { origin: 'https://elsewhere.example' },
    { origin: 'null' },
  ];
  test.each(FOREIGN)('is refused: %j', async (headers) => {
    const cookie = await cookieFor(system.apiKey);
    const made = () => browse('POST', '/v1/agents', { name: 'Noor' }, { cookie, ...headers });
    expect(await made()).toMatchObject({ status: 401, body: { detail: /Sec-Fetch-Site or Origin/ } });
    expect((await browse('GET', '/v1/agents', undefined, { cookie, ...headers })).status).toBe(401);
    expect((await browse('DELETE', SESSION, undefined, { cookie, ...headers })).status).toBe(401);
    expect((await signIn(system.apiKey, headers)).status).toBe(401);
  });
  test('is refused where it changes something and nothing says who has sent it', async () => {
    const cookie = await cookieFor(system.apiKey);
    expect((await browse('POST', '/v1/agents', { name: 'Noor' }, { cookie })).status).toBe(401);
    const origin = new URL(system.baseUrl).origin;
    const own = await browse('POST', '/v1/agents', { name: 'Noor' }, { cookie, origin });
    expect(own.status).toBe(201);
  });
});

describe('signing in', () => {
  const audit = async (headers: Record<string, string>, path = '/v1/audit') => {
    const { body } = await system.request('GET', `${path}?limit=5`, undefined, headers);
    return body['entries'] as Array<{ action: string; actor: unknown; outcome: string }>;
  };

  test('leaves an audit entry, the operator’s under no tenant', async () => {
    const { id, apiKey } = await newKey('chat');
    await cookieFor(apiKey);
    expect((await audit({}))[0]).toMatchObject({
      action: 'session.start',
      actor: { type: 'api-key', id, name: 'a chat key' },
      outcome: 'done',
    });
    await cookieFor(OPERATOR_TOKEN);
    expect((await audit(AS_OPERATOR, '/v1/tenants/audit'))[0]).toMatchObject({
      action: 'session.start',
      actor: { type: 'operator' },
    });
  });

  test.each(['', 'x', 'konstruct_0000000000000000000000000000000000000000000'])(
    'with the wrong token %j comes to nothing',
    async (token) => {
      const { status, headers } = await signIn(token);
      expect(status).toBe(token === '' ? 400 : 401);
      expect(headers.get('set-cookie')).toBeNull();
    },
  );

  test('many wrong tokens are refused sooner, and keep nobody out', async () => {
    const tries = Array.from({ length: 120 }, () => signIn('wrong'));
    const right = signIn(system.apiKey);
    expect((await right).status).toBe(204);
    const statuses = (await Promise.all(tries)).map(({ status }) => status);
    expect(new Set(statuses)).toEqual(new Set([401, 429]));
  });
});
