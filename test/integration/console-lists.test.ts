/** What the console lists: turns, users, the overview, Slack and tenants; each tenant its own. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { openEscalation } from '../../src/db/escalations.ts';
import { SYSTEM } from '../../src/db/audit.ts';
import { eventually } from '../support/eventually.ts';
import { fail, noted } from '../support/fake-llm.ts';
import { createTestTenant } from '../support/services.ts';
import { AS_OPERATOR, startSystem, type System } from '../support/system.ts';

let system: System;
let stranger: { apiKey: string };
const ids: Record<'first' | 'second' | 'failed', string> = { first: '', second: '', failed: '' };
beforeAll(async () => {
  system = await startSystem();
  stranger = await createTestTenant(system.database.pool);
  const idOf = ({ body }: { body: Record<string, unknown> }) => String(body['messageId']);
  ids.first = idOf(await system.say('My bicycle is blue.'));
  await stored(ids.first);
  ids.second = idOf(await system.say('What colour is my bicycle?'));
  await stored(ids.second);
  system.llm.answerWith(() => fail(400));
  ids.failed = idOf(await system.say('Hello', { userId: 'bob' }));
  system.llm.answerWith(noted);
}, 60_000);
afterAll(() => system.stop());

type Listed = Record<string, unknown>;
const list = async (path: string, name: string, headers: Record<string, string> = {}): Promise<Listed[]> => {
  const { status, body } = await system.request('GET', path, undefined, headers);
  expect({ path, status }).toEqual({ path, status: 200 });
  return body[name] as Listed[];
};
const asStranger = () => ({ authorization: `Bearer ${stranger.apiKey}` });
const stored = (messageId: string) =>
  eventually(async () =>
    (await list('/v1/turns', 'turns')).some(
      (turn) => turn['messageId'] === messageId && turn['state'] === 'done',
    ),
  );
const idsIn = (turns: Listed[]) => turns.map(({ messageId }) => messageId);

describe('turns', () => {
  test('are listed newest first, with what is known of each and no word of it', async () => {
    const turns = await list('/v1/turns', 'turns');
    expect(idsIn(turns)).toEqual([ids.failed, ids.second, ids.first]);
    const [failed, second, first] = turns;
    expect(failed).toMatchObject({ state: 'failed', userId: 'bob', recalled: null, missing: [] });
    expect(second).toMatchObject({
      agentId: system.agent.id,
      userId: 'ada',
      channel: 'http',
      state: 'done',
      missing: [],
    });
    expect(second?.['endedAt']).toMatch(/Z$/);
    expect(first?.['recalled']).toBe(0);
    expect(JSON.stringify(turns)).not.toContain('bicycle');
  });

  test('are chosen by state, agent and what was missing, and come in pages', async () => {
    expect(idsIn(await list('/v1/turns?state=failed', 'turns'))).toEqual([ids.failed]);
    expect(await list('/v1/turns?degraded=true', 'turns')).toEqual([]);
    expect(await list(`/v1/turns?agentId=${randomUUID()}`, 'turns')).toEqual([]);
    const of = `/v1/turns?agentId=${system.agent.id}&limit=2`;
    const { body } = await system.request('GET', of);
    expect(idsIn(body['turns'] as Listed[])).toEqual([ids.failed, ids.second]);
    const rest = await list(`${of}&cursor=${String(body['nextCursor'])}`, 'turns');
    expect(idsIn(rest)).toEqual([ids.first]);
    expect((await system.request('GET', '/v1/turns?state=lost')).status).toBe(400);
  });

  test('say what a reply had to do without', async () => {
    await system.database.admin.query(
      `UPDATE turns SET missing = '{recall,embedding}' WHERE message_id = $1`,
      [ids.first],
    );
    const [turn, ...others] = await list('/v1/turns?degraded=true', 'turns');
    expect(turn).toMatchObject({ messageId: ids.first, missing: ['recall', 'embedding'] });
    expect(others).toEqual([]);
    await system.database.admin.query(`UPDATE turns SET missing = '{}' WHERE message_id = $1`, [ids.first]);
  });
});

describe('users of an agent', () => {
  test('are listed with a memory or a turn, the last heard first, in pages', async () => {
    const path = `/v1/agents/${system.agent.id}/users`;
    const { body } = await system.request('GET', `${path}?limit=1`);
    expect(body['users']).toMatchObject([{ userId: 'bob' }]);
    const rest = await list(`${path}?limit=1&cursor=${String(body['nextCursor'])}`, 'users');
    expect(rest).toMatchObject([{ userId: 'ada' }]);
    expect((await system.request('GET', `/v1/agents/${randomUUID()}/users`)).status).toBe(404);
    expect((await system.request('GET', path, undefined, asStranger())).status).toBe(404);
  });

  test('are gone once they are forgotten', async () => {
    const path = `/v1/agents/${system.agent.id}/users`;
    await system.say('Hello', { userId: 'carol with a blank' });
    const has = async () => (await list(path, 'users')).some(({ userId }) => userId === 'carol with a blank');
    expect(await has()).toBe(true);
    const { body } = await system.request('GET', `${path}?limit=1`);
    expect((await list(`${path}?cursor=${String(body['nextCursor'])}`, 'users')).length).toBe(2);
    await system.request('DELETE', `${path}/${encodeURIComponent('carol with a blank')}/memory`, undefined, {
      prefer: 'wait=30',
    });
    await eventually(async () => !(await has()));
  });
});

describe('the overview', () => {
  test('counts turns by the hour, times their steps, and says what waits', async () => {
    const { body } = await system.request('GET', `/v1/overview?hours=2&agentId=${system.agent.id}`);
    const hours = body['hours'] as Array<Record<string, number>>;
    const sum = (name: string) => hours.reduce((total, hour) => total + (hour[name] ?? 0), 0);
    expect(hours).toHaveLength(2);
    expect(sum('turns')).toBeGreaterThanOrEqual(3);
    expect(sum('failed')).toBe(1);
    expect(sum('degraded')).toBe(0);
    expect(sum('recallHits') + sum('recallEmpty')).toBeGreaterThanOrEqual(2);
    const latency = body['latency'] as Array<Record<string, unknown>>;
    expect(latency.map(({ step }) => step)).toEqual(expect.arrayContaining(['llm', 'recall', 'total']));
    expect(body['isPart']).toBe(false);
    await eventually(async () => {
      const { backfill } = (await system.request('GET', '/v1/overview')).body as {
        backfill: { waiting: number } | null;
      };
      return backfill?.waiting === 0;
    });
  });

  test('counts what people think, for the agent that has answered', async () => {
    await system.database.admin.query(
      `INSERT INTO feedback (tenant_id, message_id, is_asker, giver, is_good) VALUES ($1, $2, true, 'x', false)`,
      [system.tenantId, ids.first],
    );
    const downs = async (query: string) => {
      const hours = (await list(`/v1/overview${query}`, 'hours')) as Array<{ down: number }>;
      return hours.reduce((total, { down }) => total + down, 0);
    };
    expect(await downs('')).toBe(1);
    expect(await downs(`?agentId=${system.agent.id}`)).toBe(1);
    expect(await downs(`?agentId=${randomUUID()}`)).toBe(0);
    expect((await system.request('GET', '/v1/overview?hours=169')).status).toBe(400);
  });
});

describe('Slack', () => {
  test('is listed: installations without tokens, channels, and threads that wait for a person', async () => {
    const { tenantId, agent, database } = system;
    await database.admin.query(
      `INSERT INTO slack_installations (tenant_id, id, agent_id, place, is_organisation, bot_user_id, scopes, token_key, token)
       VALUES ($1, gen_random_uuid(), $2, 'T1', false, 'U1', 'chat:write', 'k', 'secret')`,
      [tenantId, agent.id],
    );
    await system.request('PUT', `/v1/agents/${agent.id}/slack/channels/C1`);
    await system.request('PUT', `/v1/agents/${agent.id}/slack/channels/C2`);
    const thread = { tenantId, agentId: agent.id, by: 'api' as const, actor: SYSTEM };
    await openEscalation(database.pool, { ...thread, threadId: 'slack:T1:C1:1700000000.000100' });

    const installations = await list('/v1/slack/installations', 'installations');
    expect(installations).toMatchObject([{ place: 'T1', agentId: agent.id, endedAt: null, endedBy: null }]);
    expect(JSON.stringify(installations)).not.toContain('secret');
    const { body } = await system.request('GET', '/v1/slack/channels?limit=1');
    expect(body['channels']).toEqual([{ channelId: 'C2', agentId: agent.id }]);
    const more = `/v1/slack/channels?limit=1&cursor=${String(body['nextCursor'])}`;
    expect(await list(more, 'channels')).toEqual([{ channelId: 'C1', agentId: agent.id }]);
    const [escalation] = await list('/v1/escalations', 'escalations');
    expect(escalation).toMatchObject({ threadId: 'slack:T1:C1:1700000000.000100', state: 'escalated' });
  });
});

test('a stranger’s lists are empty', async () => {
  for (const [path, name] of [
    ['/v1/turns', 'turns'],
    [`/v1/turns?agentId=${system.agent.id}`, 'turns'],
    ['/v1/slack/installations', 'installations'],
    ['/v1/slack/channels', 'channels'],
    ['/v1/escalations', 'escalations'],
    ['/v1/overview', 'latency'],
  ] as const)
    expect({ path, listed: await list(path, name, asStranger()) }).toEqual({ path, listed: [] });
});

test('the operator lists all tenants, newest first, in pages; nobody else does', async () => {
  const made = await system.request('POST', '/v1/tenants', { name: 'The newest' }, AS_OPERATOR);
  const { body } = await system.request('GET', '/v1/tenants?limit=1', undefined, AS_OPERATOR);
  expect(body['tenants']).toMatchObject([{ id: made.body['tenantId'], name: 'The newest' }]);
  const path = `/v1/tenants?cursor=${String(body['nextCursor'])}`;
  const rest = await list(path, 'tenants', AS_OPERATOR);
  expect(rest.map(({ id }) => id)).toContain(system.tenantId);
  expect((await system.request('GET', '/v1/tenants')).status).toBe(401);
});

test('a list asks an index of the ledger, whatever is asked of it', async () => {
  const client = await system.database.admin.connect();
  const plan = async (where: string): Promise<string> => {
    const { rows } = await client.query<{ 'QUERY PLAN': string }>(
      `EXPLAIN SELECT * FROM turns WHERE tenant_id = '${system.tenantId}' AND kind = 'message' AND ${where}
       ORDER BY received_at DESC, message_id DESC LIMIT 50`,
    );
    return rows.map((row) => row['QUERY PLAN']).join('\n');
  };
  try {
    await client.query('BEGIN');
    await client.query('SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off');
    expect(await plan(`state <> 'erased'`)).toContain('turns_newest');
    expect(await plan(`agent_id = '${system.agent.id}'`)).toContain('turns_of_agent');
    expect(await plan(`state = 'failed'`)).toMatch(/turns_in_trouble|turns_newest/);
    expect(await plan(`state <> 'erased' AND missing <> '{}'`)).toMatch(/turns_in_trouble|turns_newest/);
  } finally {
    await client.query('ROLLBACK');
    client.release();
  }
});
