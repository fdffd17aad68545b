/** What a key of each role may do, and what the audit log has of it afterwards. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { OPERATOR_CALLS, rolesOf, TENANT_CALLS, type Call } from '../../src/api/calls.ts';
import { openApiDocument } from '../../src/api/openapi.ts';
import { issueApiKey, type IssuedApiKey } from '../../src/db/api-keys.ts';
import { KEY_ROLES, type KeyRole } from '../../src/domain/key-roles.ts';
import { createTestTenant } from '../support/services.ts';
import { AS_OPERATOR, liftUserLimit, SLACK_OAUTH, startSystem, type System } from '../support/system.ts';
import { exported, sendImport } from '../support/transfer.ts';

let system: System;
let keys: Record<KeyRole, IssuedApiKey>;
let erasureId: string;
let importId: string;
let file: string;
const TAKEN_OVER = 'slack:T1:C1:1700000000.000100';
beforeAll(async () => {
  system = await startSystem({ env: SLACK_OAUTH });
  // Each call has a message of its own.
  await liftUserLimit(system);
  const issue = async (role: KeyRole): Promise<IssuedApiKey> => {
    const key = await issueApiKey(system.database.operator, system.tenantId, { role, name: `a ${role} key` });
    if (!key) throw new Error('the tenant has no room for a key');
    return key;
  };
  keys = { chat: await issue('chat'), read: await issue('read'), admin: await issue('admin') };
  const { body } = await as('admin', 'DELETE', `/v1/agents/${system.agent.id}/users/nobody/memory`);
  erasureId = String(body['erasureId']);
  const caller = { apiKey: keys.admin.apiKey, agentId: system.agent.id };
  file = await exported(system, caller, 'grace');
  importId = String((await sendImport(system, caller, 'grace', file)).body['importId']);
  await as('admin', 'POST', `/v1/threads/${encodeURIComponent(TAKEN_OVER)}/escalation`);
});
afterAll(() => system.stop());

const bearer = (apiKey: string) => ({ authorization: `Bearer ${apiKey}` });
const as = (role: KeyRole, method: string, path: string, body?: unknown, headers = {}) =>
  system.request(method, path, body, { ...bearer(keys[role].apiKey), ...headers });
const NDJSON = { 'content-type': 'application/x-ndjson' };

type Entry = {
  actor: { type: string; id: string | null; name: string | null };
  action: string;
  target: { type: string; id: string | null };
  outcome: string;
  tenantId: string;
};
/** Everything that a log has, newest first, page by page. */
async function entriesOf(headers: Record<string, string>, path = '/v1/audit', limit = 100): Promise<Entry[]> {
  const entries: Entry[] = [];
  let cursor = '';
  for (;;) {
    const { status, body } = await system.request(
      'GET',
      `${path}?limit=${limit}${cursor}`,
      undefined,
      headers,
    );
    expect(status).toBe(200);
    const page = body['entries'] as Entry[];
    entries.push(...page);
    if (body['nextCursor'] === null) return entries;
    expect(page).toHaveLength(limit);
    cursor = `&cursor=${String(body['nextCursor'])}`;
  }
}
const tenantsLog = () => entriesOf(bearer(keys.admin.apiKey));
const operatorsLog = () => entriesOf(AS_OPERATOR, '/v1/tenants/audit');

/** What `work` has added to the log of whoever reads it, newest first. Erasures go on by themselves. */
async function addedBy(work: () => Promise<unknown>, read = tenantsLog): Promise<Entry[]> {
  const asked = async () => (await read()).filter(({ actor }) => actor.type !== 'system');
  const before = await asked();
  await work();
  const after = await asked();
  return after.slice(0, after.length - before.length);
}

/** The path of a call of the table, on objects that exist. */
const pathOf = (call: Call, ids: Record<string, string>): string =>
  call.path.replaceAll(/:(\w+)/g, (_all, name: string) => ids[name] ?? randomUUID());
const BODIES: Record<string, unknown> = {
  'message.send': { userId: 'ada', text: 'Hello' },
  'message.complete': { model: 'Mara', user: 'ada', messages: [{ role: 'user', content: 'Hello' }] },
  'memory.search': { query: 'bicycle' },
  'agent.preview': { userId: 'ada', text: 'Hello' },
  'agent.create': { name: 'Noor' },
  'agent.change': { jobTitle: 'clerk' },
  'tenant.create': { name: 'New' },
  'tenant.change': { name: 'Renamed' },
  'api-key.issue': { name: 'new' },
};

/** Which roles may make which call. Written down once more here, so that a slip in the code's table shows. */
const MAY: Record<string, readonly KeyRole[]> = {
  'message.send': ['chat', 'admin'],
  'message.complete': ['chat', 'admin'],
  'message.read': ['chat', 'read', 'admin'],
  'message.follow': ['chat', 'read', 'admin'],
  'message.retry': ['chat', 'admin'],
  'message.story': ['read', 'admin'],
  'memory.read': ['read', 'admin'],
  'memory.search': ['read', 'admin'],
  'agent.preview': ['read', 'admin'],
  'memory.erase': ['admin'],
  'memory.erase-exchange': ['admin'],
  'erasure.read': ['read', 'admin'],
  'memory.export': ['read', 'admin'],
  'memory.import': ['admin'],
  'import.read': ['read', 'admin'],
  'agent.list-models': ['chat', 'read', 'admin'],
  'agent.list': ['read', 'admin'],
  'agent.create': ['admin'],
  'agent.read': ['read', 'admin'],
  'agent.change': ['admin'],
  'user.list': ['read', 'admin'],
  'turn.list': ['read', 'admin'],
  'turn.overview': ['read', 'admin'],
  'feedback.read': ['read', 'admin'],
  'escalation.list': ['read', 'admin'],
  'escalation.read': ['chat', 'read', 'admin'],
  'escalation.open': ['chat', 'admin'],
  'escalation.end': ['chat', 'admin'],
  'slack.list-installations': ['read', 'admin'],
  'slack.list-channels': ['read', 'admin'],
  'slack.install-link': ['admin'],
  'slack-channel.give': ['admin'],
  'slack-channel.take': ['admin'],
  'audit.read': ['read', 'admin'],
};

test('each call is for the roles that this table names', () => {
  expect(Object.fromEntries(TENANT_CALLS.map((call) => [call.action, rolesOf(call)]))).toEqual(MAY);
});

describe.each(KEY_ROLES)('a key of the role %s', (role) => {
  test.each(TENANT_CALLS.map((call) => [call.action, call] as const))('%s', async (action, call) => {
    const messageId = String(
      (await as(role === 'read' ? 'admin' : role, 'POST', messages(), HELLO)).body['messageId'],
    );
    // What is being forgotten takes no import.
    const userId = action === 'memory.import' ? 'grace' : 'ada';
    const ids = {
      agentId: system.agent.id,
      userId,
      messageId,
      exchangeId: messageId,
      erasureId,
      importId,
      channelId: 'C1',
      threadId: encodeURIComponent(action === 'escalation.read' ? TAKEN_OVER : `${TAKEN_OVER}${role.length}`),
    };
    const [body, headers] = action === 'memory.import' ? [file, NDJSON] : [BODIES[action], {}];
    let answer: Awaited<ReturnType<typeof as>> | undefined;
    const added = await addedBy(async () => {
      answer = await as(role, call.method.toUpperCase(), `/v1${pathOf(call, ids)}`, body, headers);
    });
    const entry = { actor: { type: 'api-key', id: keys[role].id, name: `a ${role} key` }, action };
    if (MAY[action]?.includes(role)) {
      expect([200, 201, 202, 204, 409]).toContain(answer?.status);
      expect(added).toMatchObject(call.isAudited ? [{ ...entry, outcome: 'done' }] : []);
    } else {
      const missingRole = call.roles[0] ?? 'admin';
      const ofOpenAi = answer?.body['error'] as { message: string } | undefined;
      if (!ofOpenAi) expect(answer?.body).toMatchObject({ missingRole, role });
      expect(answer?.status).toBe(403);
      expect(ofOpenAi?.message ?? answer?.body['detail']).toContain(`the role ${missingRole};`);
      expect(added).toMatchObject([{ ...entry, outcome: 'refused' }]);
    }
  });
});

const messages = () => `/v1/agents/${system.agent.id}/messages`;
const HELLO = { userId: 'ada', text: 'Hello' };

test('the table of calls is what the API’s description has', () => {
  const { paths } = openApiDocument() as {
    paths: Record<string, Record<string, { security?: Array<Record<string, string[]>> }>>;
  };
  const inTable = (base: string, calls: readonly Call[]) =>
    calls.map(
      ({ method, path }) => `${method} ${(base + path).replaceAll(/:(\w+)/g, '{$1}').replace(/\/$/, '')}`,
    );
  const described = Object.entries(paths).flatMap(([path, calls]) =>
    Object.entries(calls).flatMap(([method, { security }]) => (security ? [`${method} ${path}`] : [])),
  );
  // Behind it each tool is let through as its own call.
  const mcp = 'post /mcp';
  const table = [...inTable('/v1', TENANT_CALLS), ...inTable('/v1/tenants', OPERATOR_CALLS), mcp];
  expect(described.toSorted()).toEqual(table.toSorted());
  for (const call of TENANT_CALLS) {
    const path = `/v1${call.path}`.replaceAll(/:(\w+)/g, '{$1}');
    const roles = paths[path]?.[call.method]?.security?.flatMap(({ tenantApiKey }) => tenantApiKey ?? []);
    expect(roles).toEqual(rolesOf(call));
  }
});

describe('a key of the role chat', () => {
  const sendAs = async (role: KeyRole, headers: Record<string, string> = {}) => {
    const sent = await system.request('POST', messages(), HELLO, {
      ...bearer(keys[role].apiKey),
      ...headers,
    });
    return { status: sent.status, path: `/v1/messages/${String(sent.body['messageId'])}` };
  };

  test('reads what was sent with it, also once it is rotated, and nothing else', async () => {
    const [own, foreign] = [await sendAs('chat'), await sendAs('admin')];
    expect((await as('chat', 'GET', own.path)).status).toBe(200);
    expect((await as('read', 'GET', own.path)).status).toBe(200);
    expect((await as('chat', 'GET', foreign.path)).status).toBe(404);
    expect((await as('chat', 'POST', `${foreign.path}/retry`)).status).toBe(404);
    for (let i = 0; i < 2; i += 1) {
      const rotate = `/v1/tenants/${system.tenantId}/api-keys/${keys.chat.id}/rotate`;
      const { body } = await system.request('POST', rotate, undefined, AS_OPERATOR);
      expect((await as('chat', 'GET', own.path)).status).toBe(401);
      keys.chat = { id: String(body['apiKeyId']), apiKey: String(body['apiKey']) };
      expect((await as('chat', 'GET', own.path)).status).toBe(200);
    }
    expect((await as('chat', 'GET', '/v1/agents')).status).toBe(403);
  });

  test('does not get the reply to a message of another key by its Idempotency-Key', async () => {
    const headers = { 'idempotency-key': randomUUID(), prefer: 'wait=60' };
    expect((await sendAs('admin', headers)).status).toBe(200);
    expect((await sendAs('chat', headers)).status).toBe(422);
    expect((await sendAs('admin', headers)).status).toBe(200);
  });
});

describe('the operator', () => {
  test.each(OPERATOR_CALLS.map((call) => [call.action, call] as const))('%s', async (action, call) => {
    const { tenantId, apiKeyId: keyId } = await createTestTenant(system.database.pool);
    const path = `/v1/tenants${pathOf(call, { tenantId, keyId })}`;
    const ask = (to: string, body: unknown) =>
      system.request(call.method.toUpperCase(), to, body, AS_OPERATOR);
    if (action === 'removal.read')
      await system.request('DELETE', `/v1/tenants/${tenantId}`, undefined, AS_OPERATOR);
    if (action === 'reindex.read')
      await system.request('POST', `/v1/tenants/${tenantId}/reindex`, undefined, AS_OPERATOR);
    const added = await addedBy(async () => {
      expect([200, 201, 202, 204]).toContain((await ask(path, BODIES[action])).status);
    }, operatorsLog);
    const entry = { actor: { type: 'operator', id: null, name: null }, action };
    expect(added).toMatchObject(call.isAudited ? [{ ...entry, outcome: 'done' }] : []);
    if (!call.isAudited) return;
    const missing = `/v1/tenants${pathOf(call, { tenantId: randomUUID() })}`;
    const refused = await addedBy(async () => {
      expect([400, 404]).toContain((await ask(missing, { name: 7 })).status);
      expect((await ask(path, '{"name":')).status).toBe(400);
    }, operatorsLog);
    expect(refused).toMatchObject(Array.from({ length: 2 }, () => ({ ...entry, outcome: 'refused' })));
  });

  test.each(TENANT_CALLS.map((call) => [call.action, call] as const))(
    'is no key: %s',
    async (_action, call) => {
      const path = `/v1${pathOf(call, { agentId: system.agent.id, userId: 'ada' })}`;
      expect((await system.request(call.method.toUpperCase(), path, undefined, AS_OPERATOR)).status).toBe(
        401,
      );
    },
  );

  test('is nobody without his token, and leaves no entry then', async () => {
    const added = await addedBy(async () => {
      const headers = bearer('x'.repeat(20));
      expect((await system.request('GET', '/v1/tenants/audit', undefined, headers)).status).toBe(401);
      expect((await system.request('POST', '/v1/tenants', { name: 'New' }, headers)).status).toBe(401);
    }, operatorsLog);
    expect(added).toEqual([]);
  });
});

describe('a key', () => {
  const issue = (fields: unknown) =>
    system.request('POST', `/v1/tenants/${system.tenantId}/api-keys`, fields, AS_OPERATOR);

  test('has a name, a role and an end, and keeps them when it is rotated', async () => {
    const fields = { name: 'till', role: 'read', expiresAt: '2999-01-01T01:00:00+01:00' };
    const { status, body } = await issue(fields);
    expect(status).toBe(201);
    const path = `/v1/tenants/${system.tenantId}/api-keys`;
    const rotated = await system.request(
      'POST',
      `${path}/${String(body['apiKeyId'])}/rotate`,
      {},
      AS_OPERATOR,
    );
    const { apiKeys } = (await system.request('GET', path, undefined, AS_OPERATOR)).body as {
      apiKeys: Array<Record<string, unknown>>;
    };
    const found = apiKeys.filter(({ name }) => name === 'till');
    expect(found.map(({ apiKeyId }) => apiKeyId)).toEqual([body['apiKeyId'], rotated.body['apiKeyId']]);
    for (const key of found)
      expect(key).toMatchObject({ role: 'read', expiresAt: '2999-01-01T00:00:00.000Z' });
  });

  test.each([
    ['role', { role: 'owner' }],
    ['expiresAt', { expiresAt: '2001-01-01T00:00:00Z' }],
    ['expiresAt', { expiresAt: 'tomorrow' }],
    ['expiresAt', { expiresAt: '9999-12-31T23:59:59-23:59' }],
  ])('is not issued with a faulty %s', async (field, fields) => {
    expect(await issue(fields)).toMatchObject({ status: 400, body: { errors: [{ field }] } });
  });

  test('is issued with an end whose offset only the world outside Postgres knows', async () => {
    expect((await issue({ expiresAt: '2999-01-01T00:00:00+23:59' })).status).toBe(201);
  });

  test('opens nothing once it has expired, and can’t be rotated', async () => {
    const { body } = await issue({ role: 'admin', expiresAt: '2999-01-01T00:00:00Z' });
    const ask = () => system.request('GET', '/v1/agents', undefined, bearer(String(body['apiKey'])));
    expect((await ask()).status).toBe(200);
    await system.database.admin.query('UPDATE api_keys SET expires_at = now() WHERE id = $1', [
      body['apiKeyId'],
    ]);
    expect((await ask()).status).toBe(401);
    const rotate = `/v1/tenants/${system.tenantId}/api-keys/${String(body['apiKeyId'])}/rotate`;
    expect((await system.request('POST', rotate, {}, AS_OPERATOR)).status).toBe(404);
  });
});

describe('the audit log', () => {
  test('has the refused calls of an admin, and nothing that was sent with them', async () => {
    const secret = `word-${randomUUID()}`;
    const added = await addedBy(async () => {
      const paths = [`/v1/agents/${randomUUID()}`, `/v1/agents/${system.agent.id}`, `/v1/agents/${secret}`];
      const bodies = [{ name: secret }, { colour: secret }, { name: secret }];
      for (const [i, path] of paths.entries()) {
        expect([400, 404]).toContain((await as('admin', 'PATCH', path, bodies[i])).status);
      }
      expect((await as('chat', 'GET', `/v1/agents/${system.agent.id}/users/${secret}/memory`)).status).toBe(
        403,
      );
    });
    expect(added.map(({ action, outcome }) => [action, outcome])).toEqual([
      ['memory.read', 'refused'],
      ...Array.from({ length: 3 }, () => ['agent.change', 'refused']),
    ]);
    expect(JSON.stringify(added)).not.toContain(secret);
    expect(added[0]?.target.id).toMatch(new RegExp(`^${system.agent.id}/[\\w-]{43}$`));
  });

  test('says that a call has failed whose transaction was rolled back', async () => {
    const { admin } = system.database;
    await admin.query(`ALTER TABLE agents ADD CONSTRAINT broken CHECK (name <> 'Broken')`);
    const added = await addedBy(async () => {
      expect((await as('admin', 'POST', '/v1/agents', { name: 'Broken' })).status).toBe(500);
    });
    await admin.query('ALTER TABLE agents DROP CONSTRAINT broken');
    expect(added).toMatchObject([
      { action: 'agent.create', outcome: 'failed', target: { type: 'agent', id: null } },
    ]);
  });

  test('has an entry of every change: one whose entry can’t be written doesn’t stand', async () => {
    const { admin, operator } = system.database;
    const keyNames = async () => {
      const { body } = await system.request(
        'GET',
        `/v1/tenants/${system.tenantId}/api-keys`,
        undefined,
        AS_OPERATOR,
      );
      return (body['apiKeys'] as Array<{ name: string }>).map(({ name }) => name);
    };
    await admin.query(`ALTER TABLE audit_entries ADD CONSTRAINT broken CHECK (outcome <> 'done') NOT VALID`);
    const path = `/v1/agents/${system.agent.id}`;
    const added = await addedBy(async () => {
      expect((await as('admin', 'PATCH', path, { name: 'Unseen' })).status).toBe(500);
      await expect(issueApiKey(operator, system.tenantId, { name: 'unseen' })).rejects.toThrow(/broken/);
    });
    await admin.query('ALTER TABLE audit_entries DROP CONSTRAINT broken');
    expect(added).toMatchObject([{ action: 'agent.change', outcome: 'failed' }]);
    expect((await as('admin', 'GET', path)).body['name']).not.toBe('Unseen');
    expect(await keyNames()).not.toContain('unseen');
  });

  test('is a tenant’s own, and the operator’s over all', async () => {
    const other = await createTestTenant(system.database.pool);
    const theirs = await entriesOf(bearer(other.apiKey));
    expect(theirs.map(({ action }) => action)).toEqual(['agent.create', 'tenant.create']);
    const all = await operatorsLog();
    expect(await entriesOf(AS_OPERATOR, `/v1/tenants/${other.tenantId}/audit`)).toEqual(theirs);
    expect(all.slice(0, 2)).toEqual(theirs);
    expect(new Set(all.map(({ tenantId }) => tenantId)).size).toBeGreaterThan(2);
    for (const { tenantId } of await tenantsLog()) expect(tenantId).toBe(system.tenantId);
  });

  test('has pages that leave nothing out, and takes a cursor of its own alone', async () => {
    const all = await tenantsLog();
    expect(all.length).toBeGreaterThan(6);
    expect(await entriesOf(bearer(keys.read.apiKey), '/v1/audit', 3)).toEqual(all);
    expect((await as('read', 'GET', '/v1/audit?cursor=x')).status).toBe(400);
  });

  test('is bounded for each role: a key that may only chat holds up no admin', async () => {
    const statuses: number[] = [];
    // More than twice the limit: a minute may end between two of them.
    while (statuses.length < 610) {
      const refused = Array.from({ length: 20 }, () => as('chat', 'POST', '/v1/agents', { name: 'x' }));
      for (const { status } of await Promise.all(refused)) statuses.push(status);
    }
    expect(new Set(statuses)).toEqual(new Set([403, 429]));
    expect((await as('admin', 'PATCH', `/v1/agents/${system.agent.id}`, {})).status).toBe(200);
    expect((await as('chat', 'POST', messages(), HELLO)).status).toBe(202);
  });

  test('is bounded: a tenant that does nothing but administer is told to wait', async () => {
    const { apiKey, tenantId } = await createTestTenant(system.database.pool);
    const statuses: number[] = [];
    while (statuses.length < 320) {
      const calls = Array.from({ length: 20 }, () =>
        system.request('PATCH', `/v1/agents/${randomUUID()}`, { name: 'x' }, bearer(apiKey)),
      );
      for (const { status } of await Promise.all(calls)) statuses.push(status);
    }
    expect(new Set(statuses)).toEqual(new Set([404, 429]));
    const { rows } = await system.database.admin.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM audit_entries WHERE tenant_id = $1 AND outcome = 'refused'`,
      [tenantId],
    );
    expect(rows[0]?.n).toBe(statuses.filter((status) => status === 404).length);
    expect((await as('admin', 'PATCH', `/v1/agents/${system.agent.id}`, {})).status).toBe(200);
  });
});

describe.each(KEY_ROLES)('the operator’s calls with a key of the role %s', (role) => {
  test.each(OPERATOR_CALLS.map((call) => [call.action, call] as const))('%s', async (action, call) => {
    const ofTenants = async () => {
      const { rows } = await system.database.admin.query<Record<string, unknown>>(
        `SELECT t.id, t.name, k.id AS key, k.revoked_at FROM tenants t JOIN api_keys k ON k.tenant_id = t.id
         ORDER BY t.id, k.id`,
      );
      return rows;
    };
    const before = await ofTenants();
    const path = `/v1/tenants${pathOf(call, { tenantId: system.tenantId, keyId: keys[role].id })}`;
    const { status } = await as(role, call.method.toUpperCase(), path, BODIES[action]);
    expect(status).toBe(401);
    expect(await ofTenants()).toEqual(before);
  });
});
