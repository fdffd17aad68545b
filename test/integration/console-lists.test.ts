/** What the console lists: turns, users, the overview, Slack and tenants; each tenant its own. */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { createAgent } from '../../src/db/agents.ts';
import { openEscalation } from '../../src/db/escalations.ts';
import { SYSTEM } from '../../src/db/audit.ts';
import { createPool } from '../../src/db/pool.ts';
import { inTenant } from '../../src/db/tenant-transaction.ts';
import { listTurns, listUsers } from '../../src/db/turn-list.ts';
import { eventually } from '../support/eventually.ts';
import { fail, noted } from '../support/fake-llm.ts';
import { createTestTenant } from '../support/services.ts';
import { AS_OPERATOR, startSystem, type System } from '../support/system.ts';
import { exported, imported } from '../support/transfer.ts';

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
    // Nor is it kept when they were here.
    const { rows } = await system.database.admin.query(
      `SELECT active_at = 'epoch' AS is_unheard FROM scopes WHERE user_id = 'carol with a blank'`,
    );
    expect(rows).toEqual([{ is_unheard: true }]);
  });

  test('who has written nothing, and has a memory that was imported, is the last', async () => {
    const caller = { apiKey: system.apiKey, agentId: system.agent.id };
    await imported(system, caller, 'heir', await exported(system, caller, 'ada'));
    const path = `/v1/agents/${system.agent.id}/users`;
    const users = await list(path, 'users');
    expect(users.map(({ userId }) => userId)).toEqual(['bob', 'ada', 'heir']);
    expect(users.map(({ activeAt }) => activeAt)).toEqual([
      expect.stringMatching(/Z$/),
      expect.stringMatching(/Z$/),
      null,
    ]);
    const { body } = await system.request('GET', `${path}?limit=2`);
    const rest = await list(`${path}?cursor=${String(body['nextCursor'])}`, 'users');
    expect(rest).toEqual([{ userId: 'heir', activeAt: null }]);
    await system.say('I am here now', { userId: 'heir' });
    expect((await list(path, 'users'))[0]).toMatchObject({ userId: 'heir', activeAt: expect.any(String) });
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

  test('tells those that are under way, refused or erased from those that were answered', async () => {
    const counts = async () => {
      const hours = await list(`/v1/overview?hours=2&agentId=${system.agent.id}`, 'hours');
      const sum = (name: string) => hours.reduce((total, hour) => total + Number(hour[name]), 0);
      const names = ['turns', 'answered', 'underWay', 'refused', 'failed', 'degraded'] as const;
      return Object.fromEntries(names.map((name) => [name, sum(name)]));
    };
    const setState = (state: string) =>
      system.database.admin.query('UPDATE turns SET state = $2 WHERE message_id = $1', [ids.second, state]);
    await eventually(async () => (await counts())['underWay'] === 0);
    const before = await counts();
    const { turns = 0, answered = 0 } = before;
    expect(before).toEqual({ turns, answered, underWay: 0, refused: 0, failed: 1, degraded: 0 });
    expect(turns).toBe(answered + 1);
    for (const [state, counted] of [
      ['accepted', { underWay: 1 }],
      ['refused', { refused: 1 }],
      ['erased', { turns: turns - 1 }],
    ] as const) {
      await setState(state);
      expect({ state, ...(await counts()) }).toEqual({
        state,
        ...before,
        answered: answered - 1,
        ...counted,
      });
    }
    await setState('done');
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

describe('a page of a large ledger', () => {
  /** Turns of two agents, of which one in a hundred has failed, and one had to do without something. */
  const TURNS = 10_000;
  let tenantId = '';
  let agentId = '';
  beforeAll(async () => {
    const { admin, pool } = system.database;
    const tenant = await createTestTenant(pool);
    ({ tenantId } = tenant);
    agentId = tenant.agent.id;
    const other = await inTenant(pool, tenantId, (client) =>
      createAgent(client, tenantId, randomUUID(), { name: 'Noor' }),
    );
    await admin.query(
      `INSERT INTO turns (tenant_id, message_id, agent_id, user_id, seq, dedupe_key, body_hash, workflow_id, state,
                          missing, received_at)
       SELECT $1, gen_random_uuid(), CASE WHEN i % 20 = 0 THEN $2::uuid ELSE $3::uuid END, 'user ' || i, 1, i, '', i,
              CASE WHEN i % 100 = 1 THEN 'failed' ELSE 'done' END,
              CASE WHEN i % 100 = 2 THEN '{recall}'::text[] ELSE '{}' END, now() - make_interval(secs => i)
       FROM generate_series(1, $4::int) i`,
      [tenantId, agentId, other.id, TURNS],
    );
    await admin.query(
      `INSERT INTO scopes (tenant_id, agent_id, user_id, last_seq, active_at)
       SELECT tenant_id, agent_id, user_id, 1, received_at FROM turns WHERE tenant_id = $1`,
      [tenantId],
    );
    await admin.query('ANALYZE turns, scopes');
  });

  type Plan = { 'Node Type': string; 'Index Name'?: string; 'Relation Name'?: string; Plans?: Plan[] };
  const nodesOf = (plan: Plan): Plan[] => [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];

  /** How the database reads a table for what `list` sends, as the service's role and for any values. */
  async function readsOf(table: string, list: (pool: pg.Pool) => Promise<unknown>): Promise<string[]> {
    const { pool, url } = system.database;
    const sent = jest.spyOn(pg.Client.prototype, 'query');
    // A connection takes what it sends by when it is made.
    const watched = createPool({ databaseUrl: url, max: 1, statementTimeoutMs: 10_000 });
    await list(watched);
    const texts = sent.mock.calls.map(([text]) => String(text));
    await watched.end();
    sent.mockRestore();
    const statement = texts.find((text) => text.includes(`FROM ${table}`));
    const { rows } = await inTenant(pool, tenantId, (client) =>
      client.query<{ 'QUERY PLAN': [{ Plan: Plan }] }>(`EXPLAIN (GENERIC_PLAN, FORMAT JSON) ${statement}`),
    );
    const plan = rows[0]?.['QUERY PLAN'][0].Plan;
    const reads = plan ? nodesOf(plan).filter((node) => node['Relation Name'] === table) : [];
    return reads.map((node) => `${node['Node Type']} ${node['Index Name'] ?? ''}`);
  }

  test.each([
    ['the newest', {}, 'turns_newest'],
    ['an agent’s', { agentId: true }, 'turns_of_agent'],
    ['those that have failed', { state: 'failed' }, 'turns_in_trouble'],
    ['an agent’s that have failed', { agentId: true, state: 'failed' }, 'turns_in_trouble'],
    ['those that had to do without something', { isDegraded: true }, 'turns_in_trouble'],
  ] as const)('of turns, %s, reads the index that has them in their order', async (_what, filter, index) => {
    const wanted = { ...filter, agentId: 'agentId' in filter ? agentId : undefined };
    const reads = await readsOf('turns', (pool) => listTurns(pool, tenantId, wanted, { limit: 50 }));
    expect(reads).toEqual([`Index Scan ${index}`]);
  });

  test('of users reads the index that has them in their order', async () => {
    const reads = await readsOf('scopes', (pool) => listUsers(pool, { tenantId, agentId }, { limit: 50 }));
    expect(reads).toEqual([expect.stringMatching(/^Index (Only )?Scan scopes_newest$/)]);
  });
});
