/** Companies install the app themselves: links, states, places, tokens, and how all of it ends. */
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import {
  encryptAgain,
  findInstallationOf,
} from '../../src/channels/slack/installations/installation-store.ts';
import { createTokenVault } from '../../src/channels/slack/installations/token-vault.ts';
import { encryption } from '../../src/config/encryption.ts';
import { parse } from '../../src/config/variables.ts';
import { enterTenantRemoval } from '../../src/db/tenant-removals.ts';
import { createApiClient, type ApiClient } from '../support/api-client.ts';
import { eventually } from '../support/eventually.ts';
import { noted, streamText } from '../support/fake-llm.ts';
import { createTestTenant, encryptionConfig } from '../support/services.ts';
import type { Grant } from '../support/slack-oauth.ts';
import { talk, type Said } from '../support/slack-talk.ts';
import { SLACK_OAUTH, startSystem, type SlackSystem } from '../support/system.ts';

let system: SlackSystem;
let ada: ReturnType<typeof talk>;
beforeAll(async () => {
  system = await startSystem({ slack: true, env: SLACK_OAUTH });
  ada = talk(system);
});
afterEach(() => {
  jest.restoreAllMocks();
});
afterAll(() => system.stop());

/** Somebody else's tenant. */
async function newTenant(): Promise<{ tenantId: string; agentId: string; client: ApiClient }> {
  const { tenantId, apiKey, agent } = await createTestTenant(system.database.pool, { name: 'Otto' });
  const agentId = agent.id;
  return { tenantId, agentId, client: createApiClient({ baseUrl: system.baseUrl, apiKey, agentId }) };
}
const linkOf = async ({ client, agentId }: { client: ApiClient; agentId: string }): Promise<string> => {
  const made = await client.request('POST', `/v1/agents/${agentId}/slack/install-link`);
  expect(made.status).toBe(201);
  return String(made.body['url']);
};
const own = () => ({ client: system, agentId: system.agent.id });

/** What a browser does with a link, up to where Slack asks. */
async function open(link: string): Promise<{ status: number; state: string; cookie: string; page: string }> {
  const answer = await fetch(link, { redirect: 'manual' });
  const location = answer.headers.get('location') ?? 'http://nowhere';
  const cookie = answer.headers
    .getSetCookie()
    .map((text) => text.split(';')[0] ?? '')
    .join('; ');
  const state = new URL(location).searchParams.get('state') ?? '';
  return { status: answer.status, state, cookie, page: await answer.text() };
}
/** Slack leads back. */
async function comeBack({ code, state, cookie }: { code: string; state: string; cookie: string }) {
  const query = new URLSearchParams({ code, state }).toString();
  const answer = await fetch(`${system.baseUrl}/slack/oauth_redirect?${query}`, { headers: { cookie } });
  return { status: answer.status, page: await answer.text() };
}
async function install(link: string, grant: Grant) {
  return comeBack({ ...(await open(link)), code: system.slack.oauth.agree(grant) });
}
/** The event of a message, as it comes from a workspace. */
const from = (team: string, organisation?: string) => ({
  envelope: {
    team_id: team,
    ...(organisation && { enterprise_id: organisation }),
    authorizations: [
      organisation
        ? { team_id: null, enterprise_id: organisation, is_enterprise_install: true }
        : { team_id: team, enterprise_id: null, is_enterprise_install: false },
    ],
    ...(organisation && { context_team_id: team }),
  },
});
const tokensUsedFor = (said: Said) => [...new Set(ada.posts(said).map(({ token }) => token))];
const installed = async (place: string) => {
  const { rows } = await system.database.admin.query<Record<string, unknown>>(
    'SELECT tenant_id, agent_id, token, token_key, ended_by FROM slack_installations WHERE place = $1 ORDER BY installed_at',
    [place],
  );
  return rows;
};

describe('two workspaces at once', () => {
  test('each is answered by its own token, for its own tenant', async () => {
    const other = await newTenant();
    const link = await linkOf(other);
    const { status, page } = await install(link, { team: 'T2', name: 'Acme <Two>' });
    expect(status).toBe(200);
    expect(page).toContain('Otto is in Acme &lt;Two&gt;');

    const [first, second] = [await ada.mention('from the first'), await ada.mention('from the second')];
    await Promise.all([system.send(first.event), system.send(second.event, from('T2'))]);
    expect(await ada.answers(first)).toEqual(['Noted: from the first']);
    expect(await ada.answers(second)).toEqual(['Noted: from the second']);
    expect(tokensUsedFor(first)).toEqual(['xoxb-mara']);
    expect(tokensUsedFor(second)).toEqual([system.slack.oauth.tokenOf('T2')]);
    const { rows } = await system.database.admin.query<{ tenant_id: string; user_id: string }>(
      'SELECT tenant_id, user_id FROM turns ORDER BY received_at DESC LIMIT 2',
    );
    expect(rows).toContainEqual({
      tenant_id: other.tenantId,
      user_id: `slack:T2:${system.slack.people.ada}`,
    });
    expect(rows).toContainEqual(expect.objectContaining({ tenant_id: system.tenantId }));
  });

  test('the token stands nowhere in clear', async () => {
    const [row] = await installed('T2');
    const token = system.slack.oauth.tokenOf('T2');
    expect(token).toMatch(/^xoxb-T2-/);
    expect(String(row?.['token'])).not.toContain(token);
    expect(row?.['token_key']).toBe(encryptionConfig().keys.encrypt?.id);
  });
});

describe('links', () => {
  test('one is valid for 30 minutes and leads to Slack, with what the app may do', async () => {
    const made = await system.request('POST', `/v1/agents/${system.agent.id}/slack/install-link`);
    const leftMs = Date.parse(String(made.body['expiresAt'])) - Date.now();
    expect(leftMs).toBeGreaterThan(29 * 60_000);
    expect(leftMs).toBeLessThanOrEqual(30 * 60_000);
    const answer = await fetch(String(made.body['url']), { redirect: 'manual' });
    expect(answer.status).toBe(302);
    const location = new URL(answer.headers.get('location') ?? '');
    expect(location.pathname).toBe('/oauth/v2/authorize');
    expect(location.searchParams.get('client_id')).toBe('client');
    expect(location.searchParams.get('scope')?.split(',')).toContain('chat:write.customize');
  });

  test('one is used once', async () => {
    const link = await linkOf(own());
    const begun = [await open(link), await open(link)];
    const [first, second] = begun.map((step, i) => ({
      ...step,
      code: system.slack.oauth.agree({ team: `T3${i}` }),
    }));
    expect((await comeBack(first ?? { code: '', state: '', cookie: '' })).status).toBe(200);
    for (const again of [second, first]) {
      const { status, page } = await comeBack(again ?? { code: '', state: '', cookie: '' });
      expect(status).toBe(410);
      expect(page).toContain('used already');
    }
    expect(await open(link)).toMatchObject({ status: 410, page: expect.stringContaining('used already') });
    expect(await installed('T31')).toEqual([]);
  });

  test('one that two people use at the same moment binds one place', async () => {
    const link = await linkOf(own());
    const begun = await Promise.all(
      ['T40', 'T41', 'T42'].map(async (team) => ({ ...(await open(link)), team })),
    );
    const answers = await Promise.all(
      begun.map(({ team, ...step }) => comeBack({ ...step, code: system.slack.oauth.agree({ team }) })),
    );
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 410, 410]);
  });

  test('one that has expired binds nothing, before Slack and after', async () => {
    const link = await linkOf(own());
    const begun = await open(link);
    const now = Date.now.bind(Date);
    jest.spyOn(Date, 'now').mockImplementation(() => now() + 31 * 60_000);
    const late = await comeBack({ ...begun, code: system.slack.oauth.agree({ team: 'T5' }) });
    expect(late).toMatchObject({ status: 410, page: expect.stringContaining('has expired') });
    expect((await open(link)).page).toContain('has expired');
    expect(await installed('T5')).toEqual([]);
  });

  test('states that are not ours, or another browser’s, bind nothing', async () => {
    const begun = await open(await linkOf(own()));
    const other = await open(await linkOf(own()));
    const link = new URL(await linkOf(own())).searchParams.get('link') ?? '';
    const forged = begun.state.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'));
    const foreign = [
      { state: forged, cookie: `slack-app-oauth-state=${forged}` },
      { state: link, cookie: `slack-app-oauth-state=${link}` },
      { state: begun.state, cookie: other.cookie },
      { state: begun.state, cookie: '' },
      { state: '', cookie: '' },
    ];
    for (const step of foreign) {
      const back = await comeBack({ ...step, code: system.slack.oauth.agree({ team: 'T6' }) });
      expect(back).toMatchObject({ status: 400, page: expect.stringContaining('not valid') });
    }
    expect((await open(`${system.baseUrl}/slack/install?link=${begun.state}`)).page).toContain('not valid');
    expect((await open(`${system.baseUrl}/slack/install`)).page).toContain('not valid');
    expect(await installed('T6')).toEqual([]);
  });

  test('who cancels at Slack, or a code that Slack does not know: nothing is bound, and the link stays good', async () => {
    const link = await linkOf(own());
    const { state, cookie } = await open(link);
    const denied = await fetch(`${system.baseUrl}/slack/oauth_redirect?error=access_denied&state=${state}`, {
      headers: { cookie },
    });
    expect(await denied.text()).toContain('was cancelled');
    expect((await comeBack({ ...(await open(link)), code: 'unknown' })).page).toContain('did not confirm');
    expect((await install(link, { team: 'T7' })).status).toBe(200);
  });

  const exchanged = (codes: RegExp) =>
    system.slack.callsOf('oauth.v2.access').filter(({ body }) => codes.test(body['code'] ?? ''));

  test('one that has led back three times does so no more: no code is tried with the app’s secret', async () => {
    const link = await linkOf(own());
    const begun = await open(link);
    const pages = [];
    for (let i = 0; i < 6; i += 1) pages.push(await comeBack({ ...begun, code: `junk-${i}` }));
    expect(pages.map(({ status }) => status)).toEqual([400, 400, 400, 410, 410, 410]);
    expect(pages[3]?.page).toContain('tried too often');
    expect(exchanged(/^junk-/)).toHaveLength(3);
    // Another state of it is the same link.
    expect((await install(link, { team: 'T8X' })).page).toContain('tried too often');
    expect(await installed('T8X')).toEqual([]);
  });

  test('few codes are exchanged at once, however slow Slack is', async () => {
    const one = await newTenant();
    const begun = await Promise.all(Array.from({ length: 9 }, async () => open(await linkOf(one))));
    const slow = { kind: 'slow', ms: 2_000 } as const;
    system.slack.fail('oauth.v2.access', slow, slow, slow, slow);
    const answers = begun.map((step, i) => comeBack({ ...step, code: `slow-${i}` }));
    await eventually(() => exchanged(/^slow-/).length >= 4, { what: 'four codes' });
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(exchanged(/^slow-/)).toHaveLength(4);
    // All have their turns, and Slack knows none of the codes.
    for (const { page } of await Promise.all(answers)) expect(page).toContain('did not confirm');
    expect(exchanged(/^slow-/)).toHaveLength(9);
  });

  test('what is no answer of Slack’s binds nothing', async () => {
    for (const grant of [{ team: 'not a place' }, { team: 'T8Y', scopes: 'x'.repeat(20_000) }]) {
      expect((await install(await linkOf(own()), grant)).page).toContain('did not confirm');
      expect(await installed(grant.team)).toEqual([]);
    }
    const long = await install(await linkOf(own()), { team: 'T8Z', name: 'n'.repeat(1_000_000) });
    expect(long).toMatchObject({ status: 200, page: expect.stringContaining('nnn') });
    expect(long.page.length).toBeLessThan(3_000);
  });

  test('there is none for another tenant’s agent', async () => {
    const { agentId } = await newTenant();
    const made = await system.request('POST', `/v1/agents/${agentId}/slack/install-link`);
    expect(made.status).toBe(404);
  });
});

describe('a place is one tenant’s', () => {
  test('another tenant’s link does not take it over', async () => {
    const [one, two] = [await newTenant(), await newTenant()];
    expect((await install(await linkOf(one), { team: 'T8' })).status).toBe(200);
    const refused = await install(await linkOf(two), { team: 'T8' });
    expect(refused).toMatchObject({ status: 409, page: expect.stringContaining('somebody else') });
    expect(await installed('T8')).toMatchObject([{ tenant_id: one.tenantId, ended_by: null }]);
  });

  test('nor the workspace of SLACK_BOT_TOKEN, nor what an organisation of another tenant has', async () => {
    const other = await newTenant();
    const team = system.slack.team;
    expect(await install(await linkOf(other), { team })).toMatchObject({ status: 409 });
    expect(await installed(team)).toEqual([]);
    const said = await ada.mention('whose am I?');
    await system.send(said.event);
    expect(await ada.answers(said)).toEqual(['Noted: whose am I?']);
    expect((await install(await linkOf(own()), { organisation: 'E8' })).status).toBe(200);
    expect(await install(await linkOf(other), { team: 'TE8', organisation: 'E8' })).toMatchObject({
      status: 409,
    });
    expect(await installed('TE8')).toEqual([]);
    // Its own tenant may.
    expect((await install(await linkOf(own()), { team: 'TE8', organisation: 'E8' })).status).toBe(200);
  });

  test('links of one tenant that are used at the same moment install each, and the last one counts', async () => {
    const one = await newTenant();
    const begun = await Promise.all(Array.from({ length: 4 }, async () => open(await linkOf(one))));
    const code = () => system.slack.oauth.agree({ team: 'TT' });
    const answers = await Promise.all(begun.map((step) => comeBack({ ...step, code: code() })));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    const ends = (await installed('TT')).map((row) => row['ended_by']);
    expect(ends.toSorted()).toEqual([null, 'replaced', 'replaced', 'replaced'].toSorted());
  });

  test('its own tenant’s does, and the old token is wiped', async () => {
    const one = await newTenant();
    await install(await linkOf(one), { team: 'T9' });
    await install(await linkOf(one), { team: 'T9' });
    expect(await installed('T9')).toMatchObject([{ ended_by: 'replaced', token: null }, { ended_by: null }]);
  });
});

describe('an organisation (Enterprise Grid)', () => {
  test('installed once, answered in each of its workspaces', async () => {
    await install(await linkOf(own()), { organisation: 'E1', name: 'Acme Group' });
    for (const team of ['TA', 'TB']) {
      const said = await ada.mention(`from ${team}`);
      await system.send(said.event, from(team, 'E1'));
      expect(await ada.answers(said)).toEqual([`Noted: from ${team}`]);
      expect(tokensUsedFor(said)).toEqual([system.slack.oauth.tokenOf('E1')]);
    }
    const alone = await ada.mention('from a workspace that has it not');
    await system.send(alone.event, from('TA'));
    expect(await ada.outcomes('unknown_workspace')).toBe(1);
  });
});

describe('the app leaves', () => {
  const leaves = (place: string, event: object) => system.send(event, { ...from(place), once: true });
  const UNINSTALLED = { type: 'app_uninstalled' };

  test.each([
    ['uninstalled', UNINSTALLED],
    ['revoked', { type: 'tokens_revoked', tokens: { oauth: ['UADMIN'], bot: ['U0MARA'] } }],
  ])('%s: the token is wiped, and what comes later is ignored and counted', async (endedBy, event) => {
    const place = endedBy === 'revoked' ? 'TR' : 'TU';
    await install(await linkOf(own()), { team: place });
    system.slack.oauth.revoke(place);
    expect((await leaves(place, event)).status).toBe(200);
    expect(await installed(place)).toMatchObject([{ token: null, token_key: null, ended_by: endedBy }]);
    // An API process believes what it knew for three seconds.
    await new Promise((resolve) => setTimeout(resolve, 3_200));
    const [before, turns] = [await ada.outcomes('unknown_workspace'), await ada.turns()];
    expect((await system.send((await ada.mention('anybody there?')).event, from(place))).status).toBe(200);
    expect(await ada.outcomes('unknown_workspace')).toBe(before + 1);
    expect(await ada.turns()).toBe(turns);
    // And it can come again.
    expect((await install(await linkOf(own()), { team: place })).status).toBe(200);
  });

  test('told late, when the app is installed anew: it stays', async () => {
    const now = Math.floor(Date.now() / 1_000);
    await install(await linkOf(own()), { team: 'TL' });
    const late = (seconds: number) => ({ envelope: { ...from('TL').envelope, event_time: now + seconds } });
    const tried = system.slack.callsOf('auth.test').length;
    for (const event of [UNINSTALLED, { type: 'tokens_revoked', tokens: { bot: ['U0MARA'] } }])
      expect((await system.send(event, late(-60))).status).toBe(200);
    expect(await installed('TL')).toMatchObject([{ ended_by: null }]);
    expect(system.slack.callsOf('auth.test')).toHaveLength(tried);
    system.slack.oauth.revoke('TL');
    await system.send(UNINSTALLED, late(60));
    expect(await installed('TL')).toMatchObject([{ ended_by: 'uninstalled' }]);
  });

  test('a workspace leaves, which an organisation of another tenant has behind it: that one stays', async () => {
    const other = await newTenant();
    await install(await linkOf(other), { organisation: 'E9' });
    await install(await linkOf(own()), { team: 'TW' });
    system.slack.oauth.revoke('TW');
    // As Slack tells it: without `authorizations`.
    const told = { envelope: { team_id: 'TW', enterprise_id: 'E9' } };
    const bot = { type: 'tokens_revoked', tokens: { bot: ['U0MARA'] } };
    expect((await system.send(UNINSTALLED, told)).status).toBe(200);
    expect(await installed('TW')).toMatchObject([{ token: null, ended_by: 'uninstalled' }]);
    // Once the process no longer believes what it knew, the workspace has none of its own.
    await new Promise((resolve) => setTimeout(resolve, 3_200));
    for (const event of [UNINSTALLED, bot]) expect((await system.send(event, told)).status).toBe(200);
    // Nor is it ended by what Slack says to an address that it doesn't know.
    system.slack.fail('auth.test', { kind: 'refuse', error: 'invalid_auth' });
    expect((await system.send(UNINSTALLED, told)).status).toBe(200);
    expect(await installed('E9')).toMatchObject([{ tenant_id: other.tenantId, ended_by: null }]);
    const said = await ada.mention('are you still there?');
    await system.send(said.event, from('TA', 'E9'));
    expect(await ada.answers(said)).toEqual(['Noted: are you still there?']);
  });

  test.each<[string, object]>([
    ['by its own id', { team_id: null, enterprise_id: 'E10' }],
    [
      'beside a workspace',
      {
        team_id: 'TQ',
        enterprise_id: 'E11',
        authorizations: [{ team_id: 'TQ', enterprise_id: 'E11', is_enterprise_install: true }],
      },
    ],
    ['by what stands behind a workspace', { team_id: 'TQ', enterprise_id: 'E12' }],
  ])('an organisation leaves, named %s', async (_, envelope) => {
    const place = String(Object.entries(envelope).find(([name]) => name === 'enterprise_id')?.[1]);
    await install(await linkOf(own()), { organisation: place });
    system.slack.oauth.revoke(place);
    expect((await system.send(UNINSTALLED, { envelope })).status).toBe(200);
    expect(await installed(place)).toMatchObject([{ token: null, ended_by: 'uninstalled' }]);
  });

  test('an end is believed when Slack takes the token no more, and told again until then', async () => {
    await install(await linkOf(own()), { team: 'TV' });
    expect((await leaves('TV', UNINSTALLED)).status).toBe(503);
    system.slack.fail('auth.test', { kind: 'status', status: 503 }, { kind: 'refuse', error: 'ratelimited' });
    for (let i = 0; i < 2; i += 1) expect((await leaves('TV', UNINSTALLED)).status).toBe(503);
    expect(await installed('TV')).toMatchObject([{ ended_by: null }]);
    system.slack.fail('auth.test', { kind: 'refuse', error: 'invalid_auth' });
    expect((await leaves('TV', UNINSTALLED)).status).toBe(200);
    expect(await installed('TV')).toMatchObject([{ token: null, ended_by: 'uninstalled' }]);
  });

  test('a person’s token that is revoked ends nothing', async () => {
    await install(await linkOf(own()), { team: 'TP' });
    await leaves('TP', { type: 'tokens_revoked', tokens: { oauth: ['UADMIN'], bot: [] } });
    expect(await installed('TP')).toMatchObject([{ ended_by: null }]);
  });

  test('in the middle of a turn: it ends, and says that its reply was not delivered', async () => {
    await install(await linkOf(own()), { team: 'TM' });
    let answer = (): void => undefined;
    const asked = new Promise<void>((resolve) => (answer = resolve));
    system.llm.answerWith((messages) => async (res) => {
      await asked;
      streamText(res, noted(messages));
    });
    const said = await ada.mention('too late');
    await system.send(said.event, from('TM'));
    await eventually(() => ada.posts(said).length === 1, { what: 'the placeholder' });
    system.slack.oauth.revoke('TM');
    await leaves('TM', { type: 'app_uninstalled' });
    answer();
    system.llm.answerWith(noted);
    const { rows } = await system.database.admin.query<{ message_id: string }>(
      'SELECT message_id FROM turns ORDER BY received_at DESC LIMIT 1',
    );
    const ended = await eventually(
      async () => {
        const { body } = await system.request('GET', `/v1/messages/${rows[0]?.message_id}`);
        return body['state'] === 'done' && body;
      },
      { what: 'the turn’s end' },
    );
    expect(JSON.stringify(ended)).toContain('"delivery"');
  });
});

describe('a channel of another agent', () => {
  test('it answers there, under its own name; taken back, the workspace’s own does', async () => {
    const made = await system.request('POST', '/v1/agents', { name: 'Vera', systemPrompt: 'You are Vera.' });
    const vera = String(made.body['id']);
    const path = `/v1/agents/${vera}/slack/channels/${system.slack.places.channel}`;
    expect(await system.request('PUT', path)).toMatchObject({ status: 200, body: { agentId: vera } });
    await new Promise((resolve) => setTimeout(resolve, 3_200));
    const said = await ada.mention('who are you?');
    await system.send(said.event);
    await ada.answers(said);
    expect(JSON.stringify(system.llm.prompts.at(-1))).toContain('You are Vera.');
    expect(ada.posts(said).map(({ body }) => body['username'])).toEqual(['Vera']);

    expect((await system.request('DELETE', path)).status).toBe(204);
    expect((await system.request('DELETE', path)).status).toBe(404);
    await new Promise((resolve) => setTimeout(resolve, 3_200));
    const later = await ada.mention('and now?');
    await system.send(later.event);
    await ada.answers(later);
    expect(JSON.stringify(system.llm.prompts.at(-1))).not.toContain('You are Vera.');
    expect(ada.posts(later).map(({ body }) => body['username'])).toEqual([undefined]);
  });

  test.each(['D12345', 'general', '../x'])('%s is none', async (channelId) => {
    const path = `/v1/agents/${system.agent.id}/slack/channels/${encodeURIComponent(channelId)}`;
    expect((await system.request('PUT', path)).status).toBe(400);
  });

  test('nobody gives one to another tenant’s agent', async () => {
    const { agentId } = await newTenant();
    expect((await system.request('PUT', `/v1/agents/${agentId}/slack/channels/C1`)).status).toBe(404);
  });
});

describe('keys and tenants go', () => {
  const ring = (keys: string) => parse({ encryption }, { KONSTRUCT_ENCRYPTION_KEYS: keys }).encryption.keys;
  const key = (id: string, byte: string) => `${id}:${Buffer.alloc(32, byte).toString('base64')}`;

  test('tokens are encrypted anew with the ring’s first key, and open without the old one', async () => {
    const { pool } = system.database;
    const both = `${key('new', 'n')},${process.env['KONSTRUCT_ENCRYPTION_KEYS'] ?? ''}`;
    await install(await linkOf(own()), { team: 'TK' });
    expect(await encryptAgain({ pool, vault: createTokenVault(ring(both)) })).toBeGreaterThan(0);
    const opened = await findInstallationOf(
      { pool, vault: createTokenVault(ring(key('new', 'n'))) },
      { workspace: 'TK', organisation: undefined },
    );
    expect(opened?.token).toBe(system.slack.oauth.tokenOf('TK'));
    // Back, for the processes of this test.
    await encryptAgain({
      pool,
      vault: createTokenVault(ring(`${process.env['KONSTRUCT_ENCRYPTION_KEYS'] ?? ''},${key('new', 'n')}`)),
    });
  });

  test('a tenant that is to be removed has lost its tokens at once', async () => {
    const one = await newTenant();
    await install(await linkOf(one), { team: 'TX' });
    await enterTenantRemoval(system.database.operator, one.tenantId, { type: 'operator' });
    expect(await installed('TX')).toMatchObject([{ token: null, token_key: null, ended_by: 'removed' }]);
  });
});
