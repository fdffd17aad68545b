/** What was said is forgotten in every store, and nothing else is. */
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, expect, jest, test } from '@jest/globals';
import { forgetUserWorkflowId } from '../../src/domain/ids.ts';
import { appendTurn } from '../../src/memory/window/window.ts';
import { createApiClient, type Answer } from '../support/api-client.ts';
import { eventually } from '../support/eventually.ts';
import { executionsOf, keysOf, placesOf, rowsOf } from '../support/every-store.ts';
import { noted } from '../support/fake-llm.ts';
import { somebody, startForgetting, word } from '../support/forgetting.ts';
import { createTestTenant } from '../support/services.ts';

// The server deletes executions in its own time, half a minute and more.
jest.setTimeout(240_000);

const forgetting = await startForgetting();
const { system, forget, finished, stored, stateOf, heldAnswers, holdBackfill, memoryPath } = forgetting;
afterEach(() => system.llm.answerWith(noted));
afterAll(() => system.stop());

test('a planted word is gone from every store, and other people’s data is as it was', async () => {
  const [ada, ben] = [somebody(), somebody()];
  const planted = word();
  const other = await createTestTenant(system.database.pool);
  const foreign = createApiClient({ ...other, baseUrl: system.baseUrl, agentId: other.agent.id });
  await system.say('Ben likes tea', { userId: ben });
  await foreign.say('The same user of another tenant', { userId: ada });
  const first = await system.say(`My secret is ${planted}`, {
    userId: ada,
    headers: { 'idempotency-key': planted },
  });
  await system.say('What is my secret?', { userId: ada });
  await Promise.all([stored(ada, 4), stored(ben, 2)]);
  await eventually(async () => ((await foreign.memoryOf(ada)).body['memories'] as unknown[]).length === 2);
  // Its row in the ledger, two memories, the window, three executions: the list has them a moment later.
  await eventually(async () => (await placesOf(system, planted)).length === 7);

  const isOthers = (row: string) => row.includes(ben) || row.includes(other.tenantId);
  const others = async () => ({
    rows: await rowsOf(system, isOthers),
    keys: [...(await keysOf(system, other.tenantId)), ...(await keysOf(system, system.tenantId))].filter(
      (key) => key.includes(`:${ben} `) || key.startsWith(other.tenantId),
    ),
    executions: [...(await executionsOf(system))].filter(([, history]) => isOthers(history)),
  });
  // What is not compared yet may still be written down.
  const before = await eventually(async () => {
    const { count } = await system.temporal.workflow.count(`ExecutionStatus = 'Running'`);
    const found = await others();
    return count === 0 && found.executions.length === 4 && found;
  });

  const receipt = await finished(await forget(ada));
  expect(receipt).toMatchObject({
    removed: { window: 4, memories: 4, passages: 2, executions: 4, turns: 2, keys: expect.any(Number) },
  });
  expect(receipt.remains.length).toBeGreaterThan(5);
  expect(await placesOf(system, planted)).toEqual([]);
  const named = (await placesOf(system, ada)).filter((place) => !place.includes(other.tenantId));
  expect(named.map((place) => place.split(' ')[0])).toEqual([
    'scopes',
    forgetUserWorkflowId(system.tenantId, receipt.erasureId),
  ]);
  expect((await system.memoryOf(ada)).body).toMatchObject({ window: [], memories: [] });
  // Nothing leads from a row to the person, or from one row to another.
  const { rows: nobody } = await system.database.admin.query<{ user_id: string }>(
    `SELECT DISTINCT user_id, seq, api_key_id, body_hash FROM turns
     WHERE tenant_id = $1 AND user_id LIKE 'erased:%'`,
    [system.tenantId],
  );
  expect(nobody).toHaveLength(3);
  for (const row of nobody)
    expect(row).toMatchObject({ seq: '0', api_key_id: null, body_hash: Buffer.from('') });
  expect(await others()).toEqual(before);
  const { rows: entries } = await system.database.admin.query(
    `SELECT action, counts FROM audit_entries WHERE target_id LIKE '%' || $1 ORDER BY created_at`,
    [receipt.erasureId],
  );
  expect(entries).toEqual([
    { action: 'memory.erase', counts: {} },
    { action: 'memory.delete', counts: { memories: 4, passages: 2 } },
    { action: 'erasure.finish', counts: receipt.removed },
  ]);

  // A repeated delivery is still recognised, whatever it holds, and brings nothing back.
  const again = await system.say(`My secret is ${planted}`, {
    userId: ada,
    headers: { 'idempotency-key': planted },
  });
  expect(again.body).toEqual({
    messageId: first.body['messageId'],
    workflowId: first.body['workflowId'],
    state: 'erased',
  });
  expect((await system.request('POST', `/v1/messages/${String(first.body['messageId'])}/retry`)).status).toBe(
    409,
  );
  expect(await placesOf(system, planted)).toEqual([]);

  // A worker that hung until now doesn't bring it back.
  const scope = { tenantId: system.tenantId, agentId: system.agent.id, userId: ada };
  const late = { seq: 1, messageId: String(first.body['messageId']), userText: planted, replyText: planted };
  expect(await appendTurn(system.redis, scope, late)).toBe(false);
  expect(await placesOf(system, planted)).toEqual([]);

  // What is said afterwards begins with nothing, and is kept.
  await system.say('Hello again', { userId: ada });
  const prompt = system.llm.prompts.find((messages) => messages.at(-1)?.content === 'Hello again');
  expect(prompt?.map(({ role }) => role)).toEqual(['system', 'user']);
  await stored(ada, 2);

  // Foreign eyes: another tenant sees neither receipt nor scope.
  expect((await foreign.request('GET', `/v1/erasures/${receipt.erasureId}`)).status).toBe(404);
  expect((await foreign.request('DELETE', memoryPath(ada))).status).toBe(404);
});

test('in the midst of answers: what came before is answered and forgotten, what comes after is answered and kept', async () => {
  const userId = somebody();
  const planted = word();
  const release = heldAnswers([`${planted} is being answered`]);
  const before: Answer[] = [];
  const following = Array.from({ length: 50 }, (_, i) => `follows as number ${i + 1}`);
  for (const text of ['is being answered', ...following])
    before.push(await system.postMessage(userId, `${planted} ${text}`));
  const asked = (text: string) =>
    eventually(() => system.llm.prompts.some((prompt) => prompt.at(-1)?.content === `${planted} ${text}`));
  await asked('is being answered');
  const request = await forget(userId, '', '');
  expect(request).toMatchObject({ status: 202, body: { erasureId: expect.any(String) } });
  // Nothing was said since: it is the same erasure.
  expect((await forget(userId, '', '')).body).toEqual(request.body);
  const after = await system.postMessage(userId, 'after the request');
  release();
  const reply = await eventually(
    async () => {
      const { body } = await system.request('GET', `/v1/messages/${String(after.body['messageId'])}`);
      return body['state'] === 'done' && body;
    },
    { timeoutMs: 60_000 },
  );
  expect(reply['reply']).toEqual({ text: 'Noted: after the request' });
  const prompt = system.llm.prompts.find((messages) => messages.at(-1)?.content === 'after the request');
  expect(JSON.stringify(prompt)).not.toContain(planted);
  await asked('follows as number 50');

  await finished(request);
  expect(await placesOf(system, planted)).toEqual([]);
  for (const { body } of before) expect((await stateOf(body['messageId']))?.state).toBe('erased');
  await stored(userId, 2);
  expect((await system.memoryOf(userId)).body).toMatchObject({
    window: [{ content: 'after the request' }, { content: 'Noted: after the request' }],
  });
});

test('while a backfill waits, and when a turn hangs for ever: it ends, and nothing comes back', async () => {
  const [userId, hanging] = [somebody(), somebody()];
  const [planted, stuck] = [word(), word()];
  const store = holdBackfill(`Noted: ${planted}`);
  await system.say(planted, { userId });
  const release = heldAnswers([stuck]);
  await system.postMessage(hanging, stuck);
  await eventually(() => system.llm.prompts.some((prompt) => prompt.at(-1)?.content === stuck));

  const requests = await Promise.all([forget(userId, '', ''), forget(hanging, '', '')]);
  for (const request of requests) await finished(request);
  store();
  release();
  await system.say('Later', { userId });
  await stored(userId, 2);
  expect(await placesOf(system, planted)).toEqual([]);
  expect(await placesOf(system, stuck)).toEqual([]);
});

test('one exchange is forgotten, from the window too, and the others stay', async () => {
  const userId = somebody();
  const planted = word();
  await system.say('My dog is called Rex', { userId });
  await stored(userId, 2);
  const { body } = await system.say(`Forget ${planted}`, { userId });
  await stored(userId, 4);
  expect((await forget(userId, randomUUID())).status).toBe(404);
  expect((await forget(somebody(), String(body['messageId']))).status).toBe(404);

  const receipt = await finished(await forget(userId, String(body['messageId'])));
  expect(receipt.removed).toEqual({ window: 2, memories: 2, passages: 1, executions: 2, turns: 1, keys: 0 });
  expect(await placesOf(system, planted)).toEqual([]);
  // A worker that hung until now doesn't bring it back.
  const scope = { tenantId: system.tenantId, agentId: system.agent.id, userId };
  const turn = { userText: planted, replyText: planted };
  const exchangeId = String(body['messageId']);
  expect(await appendTurn(system.redis, scope, { ...turn, seq: 2, messageId: exchangeId })).toBe(false);
  expect(await placesOf(system, planted)).toEqual([]);
  expect((await system.memoryOf(userId)).body).toMatchObject({
    window: [{ content: 'My dog is called Rex' }, {}],
    memories: [{}, {}],
  });
});
