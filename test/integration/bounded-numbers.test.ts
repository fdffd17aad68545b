/** Numbers that a tenant could raise without end: agents, pages of them, keys, waiting requests, models. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { ServerResponse } from 'node:http';
import { createAgent } from '../../src/db/agents.ts';
import { issueApiKey, MAX_API_KEYS } from '../../src/db/api-keys.ts';
import { inTenant } from '../../src/db/tenant-transaction.ts';

import { eventually } from '../support/eventually.ts';
import { streamText } from '../support/fake-llm.ts';
import { createTestTenant } from '../support/services.ts';
import { AS_OPERATOR, startSystem, type System } from '../support/system.ts';
import { randomUUID } from 'node:crypto';

const AGENTS = 5;

let system: System;
beforeAll(async () => {
  system = await startSystem({ agentsPerTenant: AGENTS, waitingRequests: 4 });
});
afterAll(() => system.stop());

test('agents: one more than the setting lets is refused, also when many come at once', async () => {
  const { apiKey } = await createTestTenant(system.database.pool);
  const headers = { authorization: `Bearer ${apiKey}` };
  const made = await Promise.all(
    Array.from({ length: 3 * AGENTS }, (_, i) =>
      system.request('POST', '/v1/agents', { name: `Agent ${i}` }, headers),
    ),
  );
  expect(made.filter(({ status }) => status === 201)).toHaveLength(AGENTS - 1);
  const refused = made.find(({ status }) => status !== 201);
  expect(refused).toMatchObject({ status: 409, body: { title: 'Too many agents' } });
  expect(refused?.body['detail']).toContain('KONSTRUCT_AGENTS_PER_TENANT');
});

test('messages that are refused for what they hold: those who send too many are told to mend them', async () => {
  const { apiKey, agent, tenantId } = await createTestTenant(system.database.pool);
  const send = (body: unknown, key = apiKey) =>
    system.request('POST', `/v1/agents/${agent.id}/messages`, body, { authorization: `Bearer ${key}` });
  const statuses = new Set<number>();
  for (let i = 0; i < 60; i += 1)
    for (const { status } of await Promise.all(Array.from({ length: 10 }, () => send('{'))))
      statuses.add(status);
  expect([...statuses]).toEqual([400]);
  const good = { userId: 'ada', text: 'Hello.' };
  expect(await send(good)).toMatchObject({ status: 429, body: { title: 'Too many refused' } });
  // Whoever has another role, or only reads, goes on.
  const chat = await issueApiKey(system.database.operator, tenantId, { role: 'chat' });
  expect((await send(good, chat?.apiKey)).status).toBe(202);
  const bearer = { authorization: `Bearer ${apiKey}` };
  expect((await system.request('GET', '/v1/agents', undefined, bearer)).status).toBe(200);
});

test('a list of agents comes in pages, each agent once, oldest first', async () => {
  const { tenantId, apiKey, agent } = await createTestTenant(system.database.pool);
  // In one transaction, so at one moment: the id decides.
  const ids = await inTenant(system.database.pool, tenantId, async (client) => {
    const more = [];
    for (let i = 0; i < 6; i += 1)
      more.push(await createAgent(client, tenantId, randomUUID(), { name: `${i}` }));
    return more.map(({ id }) => id).toSorted();
  });
  const listed: unknown[] = [];
  const pages: number[] = [];
  let cursor = '';
  do {
    const headers = { authorization: `Bearer ${apiKey}` };
    const { status, body } = await system.request('GET', `/v1/agents?limit=3${cursor}`, undefined, headers);
    expect(status).toBe(200);
    const { agents, nextCursor } = body as { agents: Array<{ id: string }>; nextCursor: string | null };
    listed.push(...agents.map(({ id }) => id));
    pages.push(agents.length);
    cursor = nextCursor === null ? '' : `&cursor=${nextCursor}`;
  } while (cursor !== '');
  expect(listed).toEqual([agent.id, ...ids]);
  expect(pages).toEqual([3, 3, 1]);
  expect((await system.request('GET', '/v1/agents?cursor=x')).status).toBe(400);
  expect((await system.request('GET', '/v1/agents?limit=201')).status).toBe(400);
});

test('keys: one more than a tenant may have is refused until one is revoked', async () => {
  const { tenantId, apiKeyId } = await createTestTenant(system.database.pool);
  const path = `/v1/tenants/${tenantId}/api-keys`;
  const issue = () => system.request('POST', path, undefined, AS_OPERATOR);
  for (let keys = 1; keys < MAX_API_KEYS; keys += 1) expect((await issue()).status).toBe(201);
  expect(await issue()).toMatchObject({ status: 409, body: { title: 'Too many API keys' } });
  await system.request('DELETE', `${path}/${apiKeyId}`, undefined, AS_OPERATOR);
  expect((await issue()).status).toBe(201);
});

test('a model that the operator does not offer is refused, with the field and the cure', async () => {
  for (const [method, path] of [
    ['POST', '/v1/agents'],
    ['PATCH', `/v1/agents/${system.agent.id}`],
  ] as const) {
    const { status, body } = await system.request(method, path, { name: 'Mara', model: 'most-expensive' });
    expect([status, body['errors']]).toEqual([400, [expect.objectContaining({ field: 'model' })]]);
    expect(body['detail']).toContain('LLM_MODELS');
  }
  const back = await system.request('PATCH', `/v1/agents/${system.agent.id}`, { model: null });
  expect([back.status, back.body['model']]).toEqual([200, null]);
});

test('an agent of before whose model is no longer offered says so, and the model is not asked', async () => {
  const old = await createTestTenant(system.database.pool, { name: 'Otto', model: 'most-expensive' });
  const headers = { authorization: `Bearer ${old.apiKey}`, prefer: 'wait=60' };
  const body = { userId: 'ada', text: 'Is anybody there?' };
  const { status } = await system.request('POST', `/v1/agents/${old.agent.id}/messages`, body, headers);
  expect(status).toBe(502);
  expect(system.llm.prompts.flat().map(({ content }) => content)).not.toContain(body.text);
});

test('requests that wait are shared out: what is over is told at once that it is accepted', async () => {
  const held: ServerResponse[] = [];
  system.llm.answerWith((messages) =>
    messages.at(-1)?.content.includes('slow') ? (res) => void held.push(res) : 'Here.',
  );
  const loud = await createTestTenant(system.database.pool);
  const headers = { authorization: `Bearer ${loud.apiKey}`, prefer: 'wait=60' };
  const path = `/v1/agents/${loud.agent.id}/messages`;
  const answered: number[] = [];
  const over: Array<string | null> = [];
  const all = Array.from({ length: 10 }, async (_, i) => {
    const answer = await system.request('POST', path, { userId: `u${i}`, text: 'slow' }, headers);
    answered.push(answer.status);
    if (answer.status === 202) over.push(answer.headers.get('preference-applied'));
  });
  await eventually(() => held.length === 10 && answered.length === 6, { what: 'six that do not wait' });
  expect(answered).toEqual(Array.from({ length: 6 }, () => 202));
  expect(over).toEqual(Array.from({ length: 6 }, () => null));
  // A newcomer has its share of the waiting.
  expect(await system.say('Good morning.')).toMatchObject({
    status: 200,
    body: { reply: { text: 'Here.' } },
  });
  for (const res of held) streamText(res, 'At last.');
  await Promise.all(all);
  expect(answered.slice(6)).toEqual([200, 200, 200, 200]);
});
