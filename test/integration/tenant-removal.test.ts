/** A tenant that is removed is gone at once, and then from every store; all others stay as they are. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { MockActivityEnvironment } from '@temporalio/testing';
import type pg from 'pg';
import { createRemoveTenant } from '../../src/activities/remove-tenant.ts';
import { SYSTEM } from '../../src/db/audit.ts';
import { createPool } from '../../src/db/pool.ts';
import { inTenant } from '../../src/db/tenant-transaction.ts';
import { FAILURE } from '../../src/domain/failures.ts';
import { removeTenantWorkflowId } from '../../src/domain/ids.ts';
import { EMBEDDING_TASK_QUEUE } from '../../src/domain/task-queues.ts';
import { requestTenantRemoval } from '../../src/intake/request-tenant-removal.ts';
import { lazyClient } from '../../src/temporal/connection.ts';
import type { RemoveTenant } from '../../src/workflows/remove-tenant.ts';
import { createApiClient, type ApiClient } from '../support/api-client.ts';
import { eventually } from '../support/eventually.ts';
import { keysOf } from '../support/every-store.ts';
import { noted, streamText } from '../support/fake-llm.ts';
import { asRole, createTestTenant, encryptionConfig, temporalConfig } from '../support/services.ts';
import { AS_OPERATOR, startSystem, type System } from '../support/system.ts';
import { exported, imported } from '../support/transfer.ts';

let system: System;
let worker: pg.Pool;
beforeAll(async () => {
  system = await startSystem();
  const databaseUrl = asRole('worker', system.database.url);
  worker = createPool({ databaseUrl, max: 2, statementTimeoutMs: 10_000 });
});
afterAll(async () => {
  await worker.end();
  await system.stop();
});

type Tenant = Awaited<ReturnType<typeof createTestTenant>> & { client: ApiClient };

/** A tenant to which somebody has spoken, and which has an import. */
async function livelyTenant(): Promise<Tenant> {
  const made = await createTestTenant(system.database.pool);
  const { apiKey, agent } = made;
  const client = createApiClient({ baseUrl: system.baseUrl, apiKey, agentId: agent.id });
  expect((await client.say('My sister lives in Graz.')).status).toBe(200);
  await eventually(async () => ((await client.memoryOf('ada')).body['memories'] as unknown[]).length === 2);
  const caller = { apiKey, agentId: agent.id };
  const done = await imported(system, caller, 'grace', await exported(system, caller, 'ada'));
  expect(done).toMatchObject({ stored: 1 });
  // An erasure of a third user, who has said nothing.
  const path = `/v1/agents/${agent.id}/users/lin/memory`;
  expect((await client.request('DELETE', path, undefined, { prefer: 'wait' })).status).toBe(200);
  // The message, its backfill, the import, the erasure.
  await closedRuns(made.tenantId, 4);
  return { ...made, client };
}

/** Temporal's list, and what it says of an end, are late by moments; a removal looks again after minutes. */
async function closedRuns(tenantId: string, count: number): Promise<void> {
  const query = `WorkflowId STARTS_WITH '${tenantId}:' AND ExecutionStatus != 'Running'`;
  await eventually(async () => (await system.temporal.workflow.count(query)).count === count);
}

/** What names a tenant in each table, whatever tables there are, as a checksum. */
async function rowsOf(tenantId: string): Promise<Record<string, string>> {
  const { rows: tables } = await system.database.admin.query<{ name: string }>(
    `SELECT c.relname AS name FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
     WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname NOT IN ('tenant_removals', 'audit_entries')`,
  );
  const found: Record<string, string> = {};
  for (const { name } of [...tables, { name: 'tenants' }]) {
    const id = name === 'tenants' ? 'id' : 'tenant_id';
    const { rows } = await system.database.admin.query<{ all: string | null }>(
      `SELECT md5(json_agg(t ORDER BY t::text)::text) AS all FROM ${name} t WHERE ${id} = $1`,
      [tenantId],
    );
    if (rows[0]?.all) found[name] = rows[0].all;
  }
  return found;
}

async function traceOf(tenantId: string) {
  const runs = await Array.fromAsync(
    system.temporal.workflow.list({ query: `WorkflowId STARTS_WITH '${tenantId}:'` }),
  );
  return {
    rows: await rowsOf(tenantId),
    keys: await keysOf(system, tenantId),
    runs: runs.map(({ workflowId, runId }) => `${workflowId} ${runId}`).toSorted(),
  };
}

const remove = (tenantId: string) =>
  system.request('DELETE', `/v1/tenants/${tenantId}`, undefined, AS_OPERATOR);
const removalOf = (tenantId: string) =>
  system.request('GET', `/v1/tenants/${tenantId}/removal`, undefined, AS_OPERATOR);

/** Lets a removal end now: the one that the API has started waits for what could still write. */
async function hurry(tenantId: string): Promise<unknown> {
  const workflowId = removeTenantWorkflowId(tenantId);
  await system.temporal.workflow.getHandle(workflowId).terminate();
  await system.database.admin.query(
    `UPDATE tenant_removals SET requested_at = now() - interval '11 minutes' WHERE tenant_id = $1`,
    [tenantId],
  );
  return system.temporal.workflow.execute<typeof RemoveTenant>('RemoveTenant', {
    workflowId,
    args: [{ tenantId, settleMs: 0 }],
    taskQueue: EMBEDDING_TASK_QUEUE,
  });
}

describe('a tenant that is removed', () => {
  test('is gone at once, then from every store with a receipt; another one stays byte for byte', async () => {
    const [gone, stays] = [await livelyTenant(), await livelyTenant()];
    const { tenantId } = gone;
    const before = await traceOf(stays.tenantId);
    expect(Object.keys((await traceOf(tenantId)).rows)).toEqual(
      expect.arrayContaining([
        'agents',
        'api_keys',
        'conversation_embeddings',
        'erasures',
        'exchange_passages',
        'memory_imports',
        'scopes',
        'tenants',
        'turns',
      ]),
    );

    const asked = await remove(tenantId);
    expect([asked.status, asked.headers.get('location')]).toEqual([202, `/v1/tenants/${tenantId}/removal`]);
    expect(asked.body).toMatchObject({ tenantId, finishedAt: null });
    expect((await gone.client.postMessage('ada', 'Are you there?')).status).toBe(401);
    expect((await system.request('GET', `/v1/tenants/${tenantId}`, undefined, AS_OPERATOR)).status).toBe(404);
    const key = await system.request('POST', `/v1/tenants/${tenantId}/api-keys`, {}, AS_OPERATOR);
    expect(key.status).toBe(404);

    expect(await hurry(tenantId)).toMatchObject({ tenantId });
    expect(await traceOf(tenantId)).toEqual({ rows: {}, keys: [], runs: [] });
    expect(await system.redis.keys(`${tenantId}:*`)).toEqual([]);
    const { body } = await removalOf(tenantId);
    expect(body).toMatchObject({
      finishedAt: expect.any(String),
      removed: {
        rows: {
          conversation_embeddings: 4,
          exchange_passages: 2,
          turns: 2,
          agents: 1,
          api_keys: 1,
          erasures: 1,
        },
      },
    });
    // The audit log outlives its tenant.
    const log = await system.request('GET', `/v1/tenants/${tenantId}/audit`, undefined, AS_OPERATOR);
    const { rows, executions, keys } = body['removed'] as { rows: object; executions: number; keys: number };
    const done = (log.body['entries'] as Array<{ outcome: string }>).filter(
      ({ outcome }) => outcome === 'done',
    );
    expect(done.slice(0, 2)).toMatchObject([
      { action: 'removal.finish', target: { id: tenantId }, counts: { ...rows, executions, keys } },
      { action: 'tenant.remove', actor: { type: 'operator' }, outcome: 'done' },
    ]);
    expect((log.body['entries'] as Array<{ action: string }>).map(({ action }) => action)).toEqual(
      expect.arrayContaining([
        'tenant.create',
        'memory.export',
        'memory.import',
        'memory.erase',
        'erasure.finish',
      ]),
    );
    expect((await remove(tenantId)).status).toBe(200);
    expect(await traceOf(stays.tenantId)).toEqual(before);
    expect((await stays.client.say('Where does my sister live?')).status).toBe(200);
  }, 180_000);

  test('answers nobody who was writing to it: a running turn ends, and nothing of it is stored', async () => {
    const { tenantId, client } = await livelyTenant();
    const asked = system.llm.prompts.length;
    const held = Promise.withResolvers<undefined>();
    system.llm.answerWith(() => async (res) => {
      await held.promise;
      streamText(res, 'too late');
    });
    const { body } = await client.postMessage('ada', 'Wait for it');
    await eventually(() => system.llm.prompts.length > asked);
    const running = `WorkflowId STARTS_WITH '${tenantId}:' AND ExecutionStatus = 'Running'`;
    await eventually(async () => (await system.temporal.workflow.count(running)).count === 1);
    await remove(tenantId);
    const run = system.temporal.workflow.getHandle(String(body['workflowId']));
    await expect(run.result()).rejects.toThrow();
    held.resolve(undefined);
    system.llm.answerWith(noted);
    await hurry(tenantId);
    expect(await traceOf(tenantId)).toEqual({ rows: {}, keys: [], runs: [] });
  }, 180_000);
});

test('an unknown tenant, a malformed id and a tenant’s key remove nothing', async () => {
  expect((await remove(randomUUID())).status).toBe(404);
  expect((await remove('x')).status).toBe(404);
  expect((await removalOf(system.tenantId)).status).toBe(404);
  expect((await system.request('DELETE', `/v1/tenants/${system.tenantId}`)).status).toBe(401);
  expect((await rowsOf(system.tenantId))['tenants']).toBeDefined();
});

test('while Temporal is away the tenant is closed all the same, and asking again starts its removal', async () => {
  const { tenantId } = await createTestTenant(system.database.pool);
  const { operator: pool } = system.database;
  const away = lazyClient({ ...temporalConfig(), address: '127.0.0.1:1' }, encryptionConfig().keys);
  await expect(requestTenantRemoval({ pool, temporal: away }, tenantId, SYSTEM)).rejects.toThrow();
  await away.connection.close();
  const { body } = await removalOf(tenantId);
  const again = await remove(tenantId);
  expect(again).toMatchObject({ status: 202, body: { requestedAt: body['requestedAt'] } });
  const run = system.temporal.workflow.getHandle(removeTenantWorkflowId(tenantId));
  const first = await run.describe();
  // A third request finds the same run.
  await remove(tenantId);
  expect((await run.describe()).runId).toBe(first.runId);
});

test('rows that can’t be deleted within a statement’s time go in smaller parts', async () => {
  const { admin, url } = system.database;
  const { tenantId, agent } = await createTestTenant(system.database.pool);
  await admin.query(
    `INSERT INTO scopes (tenant_id, agent_id, user_id, last_seq)
     SELECT $1, $2, 'user ' || i, 1 FROM generate_series(1, 20) i`,
    [tenantId, agent.id],
  );
  await admin.query('INSERT INTO tenant_removals (tenant_id) VALUES ($1)', [tenantId]);
  // Each row takes a while to delete, all of them together more than a statement may take.
  await admin.query(`
    CREATE FUNCTION delete_slowly() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN PERFORM pg_sleep(0.05); RETURN OLD; END $$;
    CREATE TRIGGER slowly BEFORE DELETE ON scopes FOR EACH ROW
      WHEN (OLD.tenant_id = '${tenantId}') EXECUTE FUNCTION delete_slowly()`);
  const pool = createPool({ databaseUrl: asRole('worker', url), max: 2, statementTimeoutMs: 500 });
  const { removeRows } = createRemoveTenant({ pool, redis: system.redis, temporal: system.temporal });
  await new MockActivityEnvironment().run(removeRows, { tenantId });
  await pool.end();
  expect(Object.keys(await rowsOf(tenantId))).toEqual(['tenants']);
  const { rows } = await admin.query('SELECT row_counts FROM tenant_removals WHERE tenant_id = $1', [
    tenantId,
  ]);
  expect(rows).toMatchObject([{ row_counts: { scopes: 20 } }]);
});

describe('the doors', () => {
  test('remove nothing of a tenant whose removal nobody has asked for', async () => {
    const { tenantId } = await livelyTenant();
    const before = await traceOf(tenantId);
    const steps = createRemoveTenant({ pool: worker, redis: system.redis, temporal: system.temporal });
    const removed = { executions: 0, keys: 0 };
    for (const input of [{ tenantId }, { tenantId: 'x' }, { tenantId: randomUUID() }]) {
      const refusal = { type: FAILURE.notAccepted, nonRetryable: true };
      const run = <T>(step: (given: typeof input & { removed: typeof removed }) => Promise<T>) =>
        new MockActivityEnvironment().run(step, { ...input, removed });
      await expect(run(steps.removeRuns)).rejects.toMatchObject(refusal);
      await expect(run(steps.removeRows)).rejects.toMatchObject(refusal);
      await expect(run(steps.removeKeys)).rejects.toMatchObject(refusal);
      await expect(run(steps.finishRemoval)).rejects.toMatchObject(refusal);
    }
    await inTenant(worker, tenantId, (client) => client.query('SELECT remove_rows_of_tenant(1000)'));
    await inTenant(worker, tenantId, (client) => client.query('SELECT finish_tenant_removal(0, 0)'));
    expect(await traceOf(tenantId)).toEqual(before);
  });

  test('end no removal of which something is left, whatever the steps before are said to have done', async () => {
    const { tenantId } = await livelyTenant();
    await remove(tenantId);
    await system.temporal.workflow.getHandle(removeTenantWorkflowId(tenantId)).terminate();
    const steps = createRemoveTenant({ pool: worker, redis: system.redis, temporal: system.temporal });
    const finish = () =>
      new MockActivityEnvironment().run(steps.finishRemoval, {
        tenantId,
        removed: { executions: 0, keys: -1 },
      });
    await system.redis.set(`${tenantId}:late`, 'x');
    await expect(finish()).rejects.toMatchObject({
      message: expect.stringMatching(/runs of the tenant/),
      ...{ nonRetryable: false, category: 'BENIGN' },
    });
    await eventually(async () => (await traceOf(tenantId)).runs.length === 0, { timeoutMs: 90_000 });
    // A start of before the request may still come.
    await expect(finish()).rejects.toThrow(/may come/);
    await system.database.admin.query(
      `UPDATE tenant_removals SET requested_at = now() - interval '11 minutes' WHERE tenant_id = $1`,
      [tenantId],
    );
    expect(await finish()).toMatchObject({
      finishedAt: expect.any(String),
      removed: { executions: 0, keys: 0 },
    });
    expect(await traceOf(tenantId)).toEqual({ rows: {}, keys: [], runs: [] });
  }, 180_000);

  test.each(['app', 'api', 'worker'] as const)(
    'are asked for by the operator alone, not by %s',
    async (role) => {
      const { tenantId } = await createTestTenant(system.database.pool);
      const databaseUrl = role === 'app' ? system.database.url : asRole(role, system.database.url);
      const pool = createPool({ databaseUrl, max: 1, statementTimeoutMs: 5_000 });
      const enter = inTenant(pool, tenantId, (client) =>
        client.query('INSERT INTO tenant_removals (tenant_id) VALUES ($1)', [tenantId]),
      );
      await expect(enter).rejects.toThrow(/permission denied/);
      await pool.end();
    },
  );

  test('let no row in once the removal was asked for', async () => {
    const { tenantId, agent } = await createTestTenant(system.database.pool);
    await remove(tenantId);
    const insert = inTenant(system.database.pool, tenantId, (client) =>
      client.query('INSERT INTO scopes (tenant_id, agent_id, user_id, last_seq) VALUES ($1, $2, $3, 1)', [
        tenantId,
        agent.id,
        'ada',
      ]),
    );
    await expect(insert).rejects.toThrow(/row-level security policy "not_removed"/);
  });
});
