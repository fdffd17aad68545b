/** What is asked of what is there already, reads and repeated deliveries, has a limit too. */
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { isRead } from '../../src/api/admission.ts';
import { TENANT_CALLS } from '../../src/api/calls.ts';
import { setTimeout as delay } from 'node:timers/promises';
import { enterTurn } from '../../src/db/ledger.ts';
import { lockScope } from '../../src/db/scopes.ts';
import { inTenant } from '../../src/db/tenant-transaction.ts';
import { createAcceptMessage } from '../../src/intake/accept-message.ts';
import { createPace } from '../../src/intake/pace.ts';
import type { RateLimiter } from '../../src/intake/rate-limiter.ts';
import { rateLimitKey, tenantReadLimitKey } from '../../src/redis/keys.ts';
import { DEFAULT_LIMITS } from '../support/accepted-message.ts';
import { eventually } from '../support/eventually.ts';
import { createTestTenant, encryptionConfig } from '../support/services.ts';
import { talk } from '../support/slack-talk.ts';
import { AS_OPERATOR, startSystem, type SlackSystem } from '../support/system.ts';

jest.setTimeout(60_000);

let system: SlackSystem;
beforeAll(async () => {
  system = await startSystem({ slack: true, callsAMinute: 10 });
});
afterAll(() => system.stop());

let tenant: Awaited<ReturnType<typeof createTestTenant>>;
beforeEach(async () => {
  tenant = await createTestTenant(system.database.pool);
});

/** The next read finds that the tenant has read all that it may. One comes back in 10 ms. */
const useUpReads = (tenantId = tenant.tenantId) =>
  system.redis.set(tenantReadLimitKey(tenantId), String(Date.now() + 600_000), 'PX', 600_000);
const giveReadsBack = (tenantId = tenant.tenantId) => system.redis.del(tenantReadLimitKey(tenantId));

const as = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
  system.request(method, path, body, { authorization: `Bearer ${tenant.apiKey}`, ...headers });
const send = (text: string, key: string) =>
  as('POST', `/v1/agents/${tenant.agent.id}/messages`, { userId: 'ada', text }, { 'idempotency-key': key });
const limitUser = (burst: number) =>
  system.request(
    'PATCH',
    `/v1/tenants/${tenant.tenantId}`,
    { rateLimits: { user: { burst, perMinute: 1 } } },
    AS_OPERATOR,
  );

test('every call of a tenant’s key has a limit: it is a read, a message, or audited', () => {
  const messages = ['message.send', 'message.complete', 'message.retry'];
  const free = TENANT_CALLS.filter(
    (call) => !isRead(call) && !call.isAudited && !messages.includes(call.action),
  );
  expect(free).toEqual([]);
});

describe('reads', () => {
  test.each(TENANT_CALLS.filter(isRead).map(({ action, path, method }) => [action, path, method] as const))(
    'over the limit %s is a 429, while messages are taken and other tenants read',
    async (_action, path, method) => {
      const body = method === 'post' ? {} : undefined;
      const { messageId } = (await send('hello', 'first')).body;
      const at = `/v1${path}`
        .replace(':agentId', tenant.agent.id)
        .replace(':messageId', String(messageId))
        .replace(':userId', 'ada');
      expect((await as(method.toUpperCase(), at, body)).status).not.toBe(429);
      await useUpReads();
      const { status, headers, body: refusal } = await as(method.toUpperCase(), at, body);
      expect(status).toBe(429);
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
      const isOpenAis = path === '/models';
      expect(refusal).toMatchObject(
        isOpenAis ? { error: { code: 'rate_limit_exceeded' } } : { title: 'Too many reads', limit: 'tenant' },
      );
      expect((await send('more', 'second')).status).toBe(202);
      expect((await system.request('GET', '/v1/agents')).status).toBe(200);
    },
  );
});

describe('over its limits', () => {
  /** The answer's status, and how many transactions of the API the call took. */
  async function costOf(call: () => Promise<{ status: number }>) {
    const { apiPool } = system;
    let transactions = 0;
    const count = () => (transactions += 1);
    apiPool.on('acquire', count);
    const { status } = await call();
    apiPool.off('acquire', count);
    return { status, transactions };
  }

  test.each(TENANT_CALLS.map(({ action, path, method }) => [action, path, method] as const))(
    '%s looks up its key, and nothing else',
    async (action, path, method) => {
      const { messageId } = (await send('hello', 'first')).body;
      const at = `/v1${path}`
        .replace(':agentId', tenant.agent.id)
        .replace(':messageId', String(messageId))
        .replace(':userId', 'ada');
      const body = action === 'message.send' ? { userId: 'ada', text: 'more' } : {};
      const call = async () => {
        await useUpReads();
        await system.redis.set(rateLimitKey(tenant.tenantId, 'ada'), String(Date.now() + 600_000));
        return as(method.toUpperCase(), at, method === 'get' ? undefined : body);
      };
      // What is audited has a count of its own. The process knows the tenant's limits for some seconds.
      await eventually(async () => (await call()).status === 429);
      await eventually(async () => (await costOf(call)).transactions === 1);
      expect(await costOf(call)).toMatchObject({ status: 429 });
    },
  );
});

describe('repeated deliveries over HTTP', () => {
  test('get the first answer within the share, and take nothing of the user’s messages', async () => {
    await limitUser(3);
    const first = await send('hello', 'once');
    for (let nth = 0; nth < 5; nth += 1) expect((await send('hello', 'once')).body).toEqual(first.body);
    expect((await send('more', 'second')).status).toBe(202);
    expect((await send('more', 'third')).status).toBe(202);
    expect((await send('more', 'fourth')).body).toMatchObject({ status: 429, limit: 'user' });
    expect((await send('hello', 'once')).body).toEqual(first.body);
  });

  test('over the share are refused and count as messages; later they get the first answer', async () => {
    await limitUser(3);
    const first = await send('hello', 'once');
    const sendOver = async () => {
      await useUpReads();
      return (await send('hello', 'once')).body;
    };
    for (let nth = 0; nth < 2; nth += 1)
      expect(await sendOver()).toMatchObject({ status: 429, limit: 'tenant' });
    expect(await sendOver()).toMatchObject({ status: 429, limit: 'user' });
    await giveReadsBack();
    expect((await send('hello', 'once')).body).toEqual(first.body);
    const { rows } = await system.database.admin.query('SELECT 1 FROM turns WHERE tenant_id = $1', [
      tenant.tenantId,
    ]);
    expect(rows).toHaveLength(1);
  });

  test('say nothing of how long accepting takes: new messages alone do', async () => {
    const { pool } = system.database;
    const { tenantId, agent } = tenant;
    const tookMs: number[] = [];
    const accept = createAcceptMessage({
      ...{ pool, redis: system.redis, temporal: system.temporal, encryption: encryptionConfig() },
      ...{
        limits: DEFAULT_LIMITS,
        pace: async () => ({ accepted: (took: number) => void tookMs.push(took) }),
      },
      rateLimiter: {
        ...{ count: async () => undefined, uncount: async () => undefined },
        countRead: async () => undefined,
      },
    });
    const deliver = async () => {
      const message = {
        tenantId,
        agentId: agent.id,
        userId: 'ada',
        channel: { name: 'http' },
        text: 'hello',
      };
      const { kind } = await accept({ ...message, threadId: undefined, dedupeKey: 'http:twice' });
      expect(kind).toBe('accepted');
    };
    for (let nth = 0; nth < 3; nth += 1) await deliver();
    await system.database.admin.query("UPDATE turns SET state = 'done' WHERE tenant_id = $1", [tenantId]);
    await deliver();
    expect(tookMs).toHaveLength(1);
  });

  test('what a message waits for in its own scope is not what the machine takes', async () => {
    const { pool } = system.database;
    const scope = { tenantId: tenant.tenantId, agentId: tenant.agent.id, userId: 'ada' };
    const isLocked = Promise.withResolvers<undefined>();
    const held = inTenant(pool, scope.tenantId, async (client) => {
      await lockScope(client, scope);
      isLocked.resolve(undefined);
      await delay(400);
    });
    await isLocked.promise;
    const entered = await enterTurn(pool, {
      ...scope,
      ...{ text: 'hello', threadId: undefined, dedupeKey: undefined },
    });
    await held;
    expect(entered.tookMs).toBeLessThan(300);
  });

  test('at both limits nothing is looked up in the database', async () => {
    const { pool } = system.database;
    const [yes, no] = [async () => ({ retryAfterMs: 1, limit: 'user' as const }), async () => undefined];
    let taken = 0;
    const count = () => (taken += 1);
    /** The outcome for a message over its limit, and how often it was looked for. */
    const lookedFor = async (countRead: RateLimiter['countRead']) => {
      const accept = createAcceptMessage({
        ...{ pool, redis: system.redis, temporal: system.temporal, encryption: encryptionConfig() },
        ...{ limits: DEFAULT_LIMITS, pace: createPace() },
        rateLimiter: { count: yes, uncount: no, countRead },
      });
      const { tenantId, agent } = tenant;
      taken = 0;
      const { kind } = await accept({
        ...{ tenantId, agentId: agent.id, userId: 'ada', channel: { name: 'http' }, text: 'hello' },
        ...{ threadId: undefined, dedupeKey: 'http:never-taken' },
      });
      return { kind, taken };
    };
    pool.on('acquire', count);
    expect(await lookedFor(no)).toEqual({ kind: 'rate-limited', taken: 1 });
    expect(await lookedFor(yes)).toEqual({ kind: 'rate-limited', taken: 0 });
    pool.off('acquire', count);
  });
});

test('an event of Slack over the share is taken as it was: no second turn, and no word to the person', async () => {
  const slack = talk(system);
  const said = await slack.direct('hello');
  expect((await system.send(said.event)).status).toBe(200);
  expect(await slack.answers(said)).toHaveLength(1);
  for (let nth = 0; nth < 3; nth += 1) {
    await useUpReads(system.tenantId);
    expect((await system.send(said.event)).status).toBe(200);
  }
  await giveReadsBack(system.tenantId);
  expect(await slack.outcomes('rate_limited')).toBe(3);
  expect(slack.posts(said)).toHaveLength(1);
  const { rows } = await system.database.admin.query('SELECT 1 FROM turns WHERE tenant_id = $1', [
    system.tenantId,
  ]);
  expect(rows).toHaveLength(1);
});
