/** A reindex as the operator asks for it, with all that is behind it; recall works before, during, after. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { reindexWorkflowId } from '../../src/domain/ids.ts';
import { DERIVED_VERSION } from '../../src/memory/long-term/derived-version.ts';
import { lazyClient } from '../../src/temporal/connection.ts';
import { requestReindex } from '../../src/intake/request-reindex.ts';
import { eventually } from '../support/eventually.ts';
import { makeOld, versionsOf } from '../support/old-passages.ts';
import { createTestTenant, encryptionConfig, temporalConfig } from '../support/services.ts';
import { AS_OPERATOR, startSystem, type System } from '../support/system.ts';
import { exported, imported, linesOf, fileOf } from '../support/transfer.ts';

jest.setTimeout(120_000);

const FACT = 'My daughter Mila plays the cello in the school orchestra.';
const QUESTION = 'Which instrument does my daughter play?';
/** Long enough to be cut; its embedding waits while `gate` is shut. */
const LONG = Array.from(
  { length: 12 },
  (_, i) => `On day ${i + 1} the ferry to Trieste was late again.`,
).join(' ');

let gate: Promise<unknown> = Promise.resolve();
let system: System;
beforeAll(async () => {
  system = await startSystem({
    worker: {
      embedder: (real) => ({
        ...real,
        embedParts: async (...given) => {
          await gate;
          return real.embedParts(...given);
        },
      }),
    },
  });
});
afterAll(() => system.stop());

const pathOf = (tenantId: string) => `/v1/tenants/${tenantId}/reindex`;
const ask = (tenantId = system.tenantId) => system.request('POST', pathOf(tenantId), undefined, AS_OPERATOR);
const look = (tenantId = system.tenantId) => system.request('GET', pathOf(tenantId), undefined, AS_OPERATOR);
const finished = () =>
  eventually(
    async () => {
      const { body } = await look();
      return body['finishedAt'] !== null && body;
    },
    { timeoutMs: 60_000, what: 'the end of the reindex' },
  );
async function recalled(): Promise<string[]> {
  const { status, body } = await system.say(QUESTION);
  expect(status).toBe(200);
  const { recalled: found } = body['memory'] as { recalled: Array<{ content: string }> };
  return found.map(({ content }) => content);
}
const stored = (messages: number, userId = 'ada') =>
  eventually(
    async () =>
      ((await system.memoryOf(userId, '?limit=200')).body['memories'] as unknown[]).length === messages,
    { timeoutMs: 60_000 },
  );

test('it brings old passages up, while recall finds what it found, and says how far it is', async () => {
  await system.say(FACT);
  await system.say(LONG);
  for (let i = 0; i < 12; i += 1) await system.say(`Order ${i + 3} boxes of paper for floor ${i}.`);
  await stored(28);
  await makeOld(system.database, system.tenantId);
  expect(await versionsOf(system.database, system.tenantId)).toEqual({ 0: 14 });
  expect(await recalled()).toContain(FACT);
  await stored(30);

  const door = Promise.withResolvers<undefined>();
  gate = door.promise;
  const asked = await ask();
  expect([asked.status, asked.headers.get('location')]).toEqual([202, pathOf(system.tenantId)]);
  expect(asked.body).toMatchObject({ tenantId: system.tenantId, version: DERIVED_VERSION, finishedAt: null });
  // The long one waits, and what comes before it is done.
  const underWay = await eventually(async () => {
    const { body } = await look();
    return body['exchanges'] === 14 && body;
  });
  expect(underWay).toMatchObject({ finishedAt: null, left: null });
  expect(await recalled()).toContain(FACT);
  const again = await ask();
  expect(again.body['reindexId']).toBe(asked.body['reindexId']);
  door.resolve(undefined);

  expect(await finished()).toMatchObject({ exchanges: 14, renewed: 14, left: 0 });
  expect(Object.keys(await versionsOf(system.database, system.tenantId))).toEqual([String(DERIVED_VERSION)]);
  expect(await recalled()).toContain(FACT);
  // Its history holds ids and numbers.
  const workflowId = reindexWorkflowId(system.tenantId, String(asked.body['reindexId']));
  const handle = system.temporal.workflow.getHandle(workflowId);
  expect(await handle.result()).toMatchObject({ renewed: 14 });
  const log = await system.request('GET', `/v1/tenants/${system.tenantId}/audit`, undefined, AS_OPERATOR);
  const actions = (log.body['entries'] as Array<{ action: string }>).map(({ action }) => action);
  expect(actions.filter((action) => action.includes('reindex'))).toEqual([
    'reindex.finish',
    'tenant.reindex',
    'tenant.reindex',
  ]);

  const next = await ask();
  expect(next.body['reindexId']).not.toBe(asked.body['reindexId']);
  expect(await finished()).toMatchObject({ reindexId: next.body['reindexId'], renewed: 0, left: 0 });
});

test('one that was terminated goes on when it is asked for again', async () => {
  await makeOld(system.database, system.tenantId);
  const door = Promise.withResolvers<undefined>();
  gate = door.promise;
  const { body } = await ask();
  const workflowId = reindexWorkflowId(system.tenantId, String(body['reindexId']));
  await system.temporal.workflow.getHandle(workflowId).terminate('by an operator');
  expect((await look()).body).toMatchObject({ reindexId: body['reindexId'], finishedAt: null });
  const again = await ask();
  expect(again.body['reindexId']).toBe(body['reindexId']);
  door.resolve(undefined);
  expect(await finished()).toMatchObject({ reindexId: body['reindexId'], left: 0 });
  expect(Object.keys(await versionsOf(system.database, system.tenantId))).toEqual([String(DERIVED_VERSION)]);
});

test('while Temporal is away it is entered all the same, and asking again starts it', async () => {
  const { tenantId } = await createTestTenant(system.database.pool);
  const { operator: pool } = system.database;
  const away = lazyClient({ ...temporalConfig(), address: '127.0.0.1:1' }, encryptionConfig().keys);
  await expect(requestReindex({ pool, temporal: away }, tenantId, { type: 'operator' })).rejects.toThrow();
  await away.connection.close();
  const entered = await look(tenantId);
  expect(entered.body).toMatchObject({ finishedAt: null });
  expect((await ask(tenantId)).body['reindexId']).toBe(entered.body['reindexId']);
  await eventually(async () => (await look(tenantId)).body['finishedAt'] !== null);
});

test('an unknown tenant, one that is removed, a malformed id and a tenant’s key begin none', async () => {
  expect((await ask(randomUUID())).status).toBe(404);
  expect((await ask('x')).status).toBe(404);
  const { tenantId, apiKey } = await createTestTenant(system.database.pool);
  expect((await look(tenantId)).status).toBe(404);
  const headers = { authorization: `Bearer ${apiKey}` };
  expect((await system.request('POST', pathOf(tenantId), undefined, headers)).status).toBe(401);
  await system.request('DELETE', `/v1/tenants/${tenantId}`, undefined, AS_OPERATOR);
  expect((await ask(tenantId)).status).toBe(404);
});

test('a memory that is taken along is derived anew where it arrives', async () => {
  const caller = { apiKey: system.apiKey, agentId: system.agent.id };
  await system.say('My canary is called Pip.', { userId: 'bob' });
  await stored(2, 'bob');
  const lines = linesOf(await exported(system, caller, 'bob'));
  const versionOf = async (version: number | undefined) => {
    const userId = `bob ${randomUUID()}`;
    const changed = lines.map((line) =>
      line.type === 'exchange'
        ? { ...line, passages: (line['passages'] as object[]).map((passage) => ({ ...passage, version })) }
        : line,
    );
    await imported(system, caller, userId, fileOf(changed));
    const { rows } = await system.database.admin.query<{ version: number }>(
      'SELECT version FROM exchange_passages WHERE user_id = $1',
      [userId],
    );
    return rows.map((row) => row.version);
  };
  expect(
    lines.flatMap(({ passages }) => (passages as Array<{ version: number }> | undefined) ?? []),
  ).toMatchObject([{ version: DERIVED_VERSION }]);
  for (const version of [undefined, 0, DERIVED_VERSION, DERIVED_VERSION + 1])
    expect(await versionOf(version)).toEqual([DERIVED_VERSION]);
});
