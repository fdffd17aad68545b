/** How much a tenant, and each of its users, may have begun: by the ledger, and by Temporal's word. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import { enterErasure, MOST_OPEN_ERASURES } from '../../src/db/erasures.ts';
import { handleMessageWorkflowId } from '../../src/domain/ids.ts';
import { MOST_OPEN_OF_TENANT, MOST_OPEN_OF_USER } from '../../src/domain/rate-limits.ts';
import { eventually } from '../support/eventually.ts';
import { createTestTenant } from '../support/services.ts';
import { AS_OPERATOR, startSystem, type System } from '../support/system.ts';

jest.setTimeout(120_000);

let system: System;
beforeAll(async () => {
  system = await startSystem();
});
afterAll(() => system.stop());

let tenant: Awaited<ReturnType<typeof createTestTenant>>;
let release: () => void;
beforeEach(async () => {
  tenant = await createTestTenant(system.database.pool);
  const held = new Promise<void>((resolve) => (release = resolve));
  system.llm.answerWith(() => async (res) => {
    await held;
    res.writeHead(500).end();
  });
});

const as = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
  system.request(method, path, body, { authorization: `Bearer ${tenant.apiKey}`, ...headers });
const send = (userId: string, key: string = randomUUID()) =>
  as('POST', `/v1/agents/${tenant.agent.id}/messages`, { userId, text: key }, { 'idempotency-key': key });

/** Turns that the ledger has as open, of one user or of as many as there are turns. */
async function openTurns(count: number, userId: string | undefined, state = 'accepted'): Promise<void> {
  const ids = Array.from({ length: count }, () => randomUUID());
  const { tenantId, agent } = tenant;
  const users = ids.map((id) => userId ?? id);
  await system.database.admin.query(
    `INSERT INTO scopes (tenant_id, agent_id, user_id, last_seq)
     SELECT $1, $2, u, 10000 FROM unnest($3::text[]) u GROUP BY u
     ON CONFLICT (tenant_id, agent_id, user_id) DO UPDATE SET last_seq = 10000`,
    [tenantId, agent.id, users],
  );
  await system.database.admin.query(
    `INSERT INTO turns (tenant_id, agent_id, user_id, message_id, seq, dedupe_key, body_hash, workflow_id, state)
     SELECT $1, $2, u, m, 1000 + row_number() OVER (), 'k:' || m, '', w, $6
     FROM unnest($3::text[], $4::uuid[], $5::text[]) AS t (u, m, w)`,
    [tenantId, agent.id, users, ids, ids.map((id) => handleMessageWorkflowId(tenantId, id)), state],
  );
}
/** Until the turns are counted anew. */
const refused = (userId: string) =>
  eventually(async () => (await send(userId)).status === 429, { what: 'a refusal' });
const counted = () => new Promise((resolve) => setTimeout(resolve, 1_100));

test('a user with as many open turns as may be is refused; the tenant’s others are not', async () => {
  await send('ada', 'first');
  await openTurns(MOST_OPEN_OF_USER - 2, 'ada');
  await counted();
  expect((await send('ada')).status).toBe(202);
  await refused('ada');
  const over = await send('ada');
  expect(over.body).toMatchObject({ status: 429, limit: 'user', retryAfterMs: expect.any(Number) });
  expect((await send('bob')).status).toBe(202);
  // What was taken before is no further one.
  expect((await send('ada', 'first')).status).toBe(202);
  release();
});

test('a tenant with as many open turns as may be is refused, and no other is', async () => {
  await openTurns(MOST_OPEN_OF_TENANT - 1, undefined);
  expect((await send('ada')).status).toBe(202);
  await counted();
  expect((await send('bob')).body).toMatchObject({ status: 429, limit: 'tenant' });
  expect((await system.postMessage('eve', 'Good morning')).status).toBe(202);
  release();
});

test('whoever may send more at once may have more open', async () => {
  const rateLimits = { user: { burst: MOST_OPEN_OF_USER + 200, perMinute: 60 } };
  await system.request('PATCH', `/v1/tenants/${tenant.tenantId}`, { rateLimits }, AS_OPERATOR);
  await openTurns(MOST_OPEN_OF_USER + 100, 'ada');
  await eventually(async () => (await send('ada')).status === 202);
  release();
});

test('turns that Temporal was never seen to have soon count no more', async () => {
  await openTurns(MOST_OPEN_OF_USER, 'ada');
  // Their starts were sent so long ago that none can arrive.
  await system.database.admin.query(
    `UPDATE turns SET offered_at = now() - interval '1 hour', received_at = now() - interval '1 hour'
     WHERE tenant_id = $1`,
    [tenant.tenantId],
  );
  await refused('ada');
  await eventually(async () => (await send('ada')).status === 202, { timeoutMs: 30_000 });
  release();
});

test('starts that were given up on count while they may arrive', async () => {
  await openTurns(MOST_OPEN_OF_USER, 'ada', 'refused');
  await refused('ada');
  await system.database.admin.query(
    `UPDATE turns SET received_at = now() - interval '11 minutes' WHERE tenant_id = $1`,
    [tenant.tenantId],
  );
  await eventually(async () => (await send('ada')).status === 202);
  release();
});

test('erasures that have not finished are bounded; the same one again is still the same', async () => {
  const { tenantId, agent } = tenant;
  const wanted = { tenantId, agentId: agent.id, userId: 'ada', exchangeId: undefined };
  const { pool } = system.database;
  const first = await enterErasure(pool, wanted, { type: 'system' });
  expect(first).toMatchObject({ outcome: 'entered' });
  await system.database.admin.query(
    `INSERT INTO scopes (tenant_id, agent_id, user_id, last_seq) VALUES ($1, $2, 'many', 5000)`,
    [tenantId, agent.id],
  );
  await system.database.admin.query(
    `WITH t AS (
       INSERT INTO turns (tenant_id, agent_id, user_id, message_id, seq, dedupe_key, body_hash, workflow_id, kind)
       SELECT $1, $2, 'many', gen_random_uuid(), n, 'k:' || n, '', 'w' || n, 'erasure'
       FROM generate_series(1, $3) n RETURNING *)
     INSERT INTO erasures (tenant_id, agent_id, user_id, id, seq)
     SELECT tenant_id, agent_id, user_id, message_id, seq FROM t`,
    [tenantId, agent.id, MOST_OPEN_ERASURES - 1],
  );
  const path = (userId: string) => `/v1/agents/${agent.id}/users/${userId}/memory`;
  expect((await as('DELETE', path('bob'))).body).toMatchObject({ title: 'Too many erasures', status: 429 });
  expect(await enterErasure(pool, wanted, { type: 'system' })).toEqual(first);
  await system.database.admin.query(
    `UPDATE erasures SET finished_at = now() WHERE tenant_id = $1 AND seq = 7 AND user_id = 'many'`,
    [tenantId],
  );
  expect((await as('DELETE', path('bob'))).status).toBe(202);
});
