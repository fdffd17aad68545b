/** The Home tab, and what stands beside a reply: each person sees and changes their own alone. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { WebClient } from '@slack/web-api';
import { EXPORT, FORGET_ALL, FORGET_ONE, SEARCH } from '../../src/channels/slack/home/home-view.ts';
import { createHome, type Visitor } from '../../src/channels/slack/home/take-home.ts';
import { FEEDBACK, feedbackValue, WHY } from '../../src/channels/slack/outbound/reply-buttons.ts';
import { NOT_ALLOWED } from '../../src/domain/words.ts';
import { eventually } from '../support/eventually.ts';
import { createTestTenant } from '../support/services.ts';
import { talk } from '../support/slack-talk.ts';
import { startSystem, type SlackSystem } from '../support/system.ts';
import { linesOf } from '../support/transfer.ts';

let system: SlackSystem;
let ada: ReturnType<typeof talk>;
beforeAll(async () => {
  system = await startSystem({ slack: true });
  ada = talk(system);
});
afterAll(() => system.stop());

const userIdOf = (person: 'ada' | 'bob') => `slack:${system.slack.team}:${system.slack.people[person]}`;
const memoriesOf = async (person: 'ada' | 'bob') =>
  (await system.memoryOf(userIdOf(person), '?limit=200')).body['memories'] as Array<{
    content: string;
    exchangeId: string;
  }>;
const remembered = (person: 'ada' | 'bob', text: string) =>
  eventually(async () => (await memoriesOf(person)).find(({ content }) => content === text), {
    what: `"${text}" in memory`,
  });

/** Somebody tells the agent something; gives the turn's id, which is the exchange's. */
async function tell(person: 'ada' | 'bob', text: string): Promise<string> {
  const said = await ada.mention(text);
  await system.send({ ...said.event, user: system.slack.people[person] });
  await ada.answers(said);
  return (await remembered(person, text)).exchangeId;
}
const open = (person: 'ada' | 'bob') =>
  system.send({
    type: 'app_home_opened',
    user: system.slack.people[person],
    channel: system.slack.places.direct,
    tab: 'home',
    event_ts: '1783536983.783769',
  });
/** The page as it was shown to a person last. */
const pageOf = (person: 'ada' | 'bob'): string =>
  system.slack
    .callsOf('views.publish')
    .findLast(({ body }) => body['user_id'] === system.slack.people[person])?.body['view'] ?? '';
const shown = (person: 'ada' | 'bob', isIt: (page: string) => boolean) =>
  eventually(() => isIt(pageOf(person)) && pageOf(person), { what: 'the page' });

const click = (
  action: { action_id: string; value?: string },
  more: { user?: string; team?: string; channel?: string; ts?: string } = {},
) => {
  const { user = system.slack.people.ada, team = system.slack.team, channel, ts } = more;
  const payload = {
    type: 'block_actions',
    user: { id: user, team_id: team },
    team: { id: system.slack.team, domain: 'acme' },
    ...(channel && { channel: { id: channel }, message: { ts, thread_ts: ts } }),
    view: { private_metadata: JSON.stringify({ directChannel: system.slack.places.direct }) },
    trigger_id: '1.2.3',
    actions: [action],
  };
  return system.post(
    '/slack/interactions',
    new URLSearchParams({ payload: JSON.stringify(payload) }).toString(),
    {
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    },
  );
};
const privately = () =>
  system.slack
    .callsOf('chat.postEphemeral')
    .map(({ body }) => ({ user: body['user'], text: body['text'] ?? '' }));

describe('the Home tab', () => {
  test('has what the agent is, and one’s own memories alone', async () => {
    await tell('ada', 'my dog is called Rex');
    await tell('bob', 'the code of my locker is 8841');
    expect((await open('ada')).status).toBe(200);
    const page = await shown('ada', (text) => text.includes('Rex'));
    expect(page).toContain('I am Mara');
    expect(page).not.toContain('8841');
    await open('bob');
    expect(await shown('bob', (text) => text.includes('8841'))).not.toContain('Rex');
  });

  test('searches', async () => {
    await tell('ada', 'my bicycle is blue');
    await click({ action_id: SEARCH, value: 'my bicycle is blue' });
    await shown(
      'ada',
      (page) => page.includes('"initial_value":"my bicycle is blue"') && page.includes('bicycle'),
    );
    expect(await ada.outcomes('home_search')).toBe(1);
  });

  test('forgets one exchange, as an erasure does', async () => {
    const exchangeId = await tell('ada', 'I owe Carl ten euros');
    await click({ action_id: FORGET_ONE, value: exchangeId });
    await shown('ada', (page) => page.includes('Forgotten.') && !page.includes('ten euros'));
    await eventually(
      async () => !(await memoriesOf('ada')).some(({ content }) => content.includes('ten euros')),
    );
    expect((await memoriesOf('ada')).some(({ content }) => content.includes('Rex'))).toBe(true);
    const { body } = await system.request('GET', '/v1/audit?limit=200');
    expect(body['entries']).toContainEqual(
      expect.objectContaining({
        actor: expect.objectContaining({ type: 'slack-user' }),
        action: 'memory.erase-exchange',
      }),
    );
  });

  test('forgets nothing of anybody else, whatever exchange is named', async () => {
    const bobs = (await memoriesOf('bob'))[0]?.exchangeId ?? '';
    await click({ action_id: FORGET_ONE, value: bobs });
    await click({ action_id: FORGET_ONE, value: bobs }, { user: system.slack.people.bob, team: 'T0GUEST' });
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(await memoriesOf('bob')).toHaveLength(2);
  });

  test('sends the memory as a file, without others’; once to who can’t wait', async () => {
    for (let i = 0; i < 3; i += 1) await click({ action_id: EXPORT });
    await eventually(() => system.slack.uploads.length === 1, { what: 'a file' });
    expect(system.slack.uploads[0]).toContain('Rex');
    expect(system.slack.uploads[0]).not.toContain('8841');
    const shared = () => system.slack.callsOf('files.completeUploadExternal')[0]?.body['channel_id'];
    await eventually(() => shared() === system.slack.places.direct, { what: 'the file in the messages' });
    await shown('ada', (page) => page.includes('The file is in your messages'));
    expect(system.slack.uploads).toHaveLength(1);
  });

  test('leaves an audit entry of the export', async () => {
    const { body } = await system.request('GET', '/v1/audit?limit=200');
    expect(body['entries']).toContainEqual(
      expect.objectContaining({
        actor: expect.objectContaining({ type: 'slack-user' }),
        action: 'memory.export',
        outcome: 'done',
      }),
    );
  });

  test('holds two files of a tenant at once, and one of another beside them', async () => {
    const home = createHome({ pool: system.database.pool, redis: system.redis });
    const uploads: Array<() => void> = [];
    const visitor = (tenantId: string, agentId: string, userId: string): Visitor => {
      const client = new WebClient();
      const held = () => new Promise((resolve) => uploads.push(() => resolve({ ok: true })));
      Object.assign(client, { files: { uploadV2: held } });
      return { client, scope: { tenantId, agentId, userId }, user: 'U1', directChannel: 'D1' };
    };
    const own = (userId: string) => visitor(system.tenantId, system.agent.id, userId);
    const other = await createTestTenant(system.database.pool);
    const asked = ['a', 'b', 'c', 'a'].map((userId) => home.sendExport(own(userId), 'D1'));
    await eventually(() => uploads.length === 2);
    asked.push(home.sendExport(visitor(other.tenantId, other.agent.id, 'a'), 'D1'));
    await eventually(() => uploads.length === 3);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(uploads).toHaveLength(3);
    const letGo = setInterval(() => uploads.splice(0).forEach((end) => end()), 10);
    expect(await Promise.all(asked)).toEqual([true, true, true, true, true]);
    clearInterval(letGo);
  });

  test('sends a memory that is longer than a part of an export whole, or not at all', async () => {
    const sent: string[] = [];
    const home = createHome({ pool: system.database.pool, redis: system.redis });
    const client = new WebClient();
    const uploadV2 = ({ file }: { file: Buffer }) => Promise.resolve(sent.push(file.toString()));
    Object.assign(client, { files: { uploadV2 } });
    const send = async (exchanges: number) => {
      const { tenantId, agent } = await createTestTenant(system.database.pool);
      await system.database.admin.query(
        `INSERT INTO conversation_embeddings (tenant_id, agent_id, user_id, exchange_id, role, content, embedding)
         SELECT $1, $2, 'u', gen_random_uuid(), 'assistant', repeat('x', 200000), $4::vector FROM generate_series(1, $3)`,
        [tenantId, agent.id, exchanges, `[1${',0'.repeat(383)}]`],
      );
      const scope = { tenantId, agentId: agent.id, userId: 'u' };
      return home.sendExport({ client, scope, user: 'U1', directChannel: 'D1' }, 'D1');
    };
    expect(await send(90)).toBe(true);
    const [file = ''] = sent;
    expect(linesOf(file).at(-1)).toMatchObject({ exchanges: 90, nextCursor: null });
    expect(await send(110)).toBe(false);
    expect(sent).toHaveLength(1);
  });

  test('heeds a person who clicks all the time no more for a while, and everybody else', async () => {
    const often = { user: 'U0OFTEN' };
    for (let i = 0; i < 61; i += 1) await click({ action_id: FORGET_ONE, value: 'nothing' }, often);
    expect(await ada.outcomes('too_many_clicks')).toBe(1);
    await system.send({
      ...{ type: 'app_home_opened', user: 'U0OFTEN', channel: system.slack.places.direct, tab: 'home' },
      event_ts: '1783536983.783770',
    });
    expect(await ada.outcomes('too_many_clicks')).toBe(2);
    const before = await ada.outcomes('home_search');
    await click({ action_id: SEARCH, value: '' }, { user: system.slack.people.bob });
    expect(await ada.outcomes('home_search')).toBe(before + 1);
  });

  test('forgets everything', async () => {
    await click({ action_id: FORGET_ALL });
    await shown('ada', (page) => page.includes('Forgotten.') && !page.includes('Rex'));
    await eventually(async () => (await memoriesOf('ada')).length === 0);
    expect(await memoriesOf('bob')).toHaveLength(2);
  });
});

describe('beside a reply', () => {
  const place = () => ({ channel: system.slack.places.channel, ts: '1700000000.000100' });

  test('stand its buttons, and none beside what is no reply', async () => {
    const said = await ada.mention('show me buttons');
    await system.send(said.event);
    const [message] = await ada.messages(said);
    expect(JSON.stringify(message?.blocks)).toContain(WHY);
    expect(JSON.stringify(message?.blocks)).toContain(FEEDBACK);
    system.llm.answerWith(() => (res) => void res.writeHead(400).end('{}'));
    const failed = await ada.mention('this one fails');
    await system.send(failed.event);
    const [apology] = await ada.messages(failed);
    expect(JSON.stringify(apology?.blocks ?? [])).not.toContain(WHY);
  });

  test('"Why?" shows what was recalled to the one who had asked, and to nobody else', async () => {
    const { noted } = await import('../support/fake-llm.ts');
    system.llm.answerWith(noted);
    // Nothing is alike to these tests' embedder.
    await system.request('PATCH', `/v1/agents/${system.agent.id}`, { recall: { threshold: 0 } });
    await tell('ada', 'the wifi password is kept in the blue folder');
    for (let i = 0; i < 11; i += 1) await tell('ada', `small talk number ${i}`);
    const exchangeId = await tell('ada', 'where is the wifi password kept, in which folder?');
    const result = await system.request('GET', `/v1/messages/${exchangeId}`);
    const { recalled } = result.body['memory'] as { recalled: Array<{ exchangeId: string }> };
    expect(recalled.length).toBeGreaterThan(0);
    const before = privately().length;
    await click({ action_id: WHY, value: exchangeId }, place());
    await eventually(() => privately().length === before + 1);
    const answer = privately().at(-1);
    expect(answer?.user).toBe(system.slack.people.ada);
    for (const found of recalled) expect(answer?.text).toContain(found.exchangeId);
    expect(answer?.text).toMatch(/score \d\.\d\d/);

    await click({ action_id: WHY, value: exchangeId }, { ...place(), user: system.slack.people.bob });
    await eventually(() => privately().length === before + 2);
    expect(privately().at(-1)).toEqual({ user: system.slack.people.bob, text: NOT_ALLOWED });
  }, 120_000);

  test('feedback is kept with the turn: the last word of each counts', async () => {
    const messageId = await tell('ada', 'rate this one');
    const say = (isGood: boolean, user?: string) =>
      click(
        { action_id: FEEDBACK, value: feedbackValue(isGood, messageId) },
        { ...place(), ...(user && { user }) },
      );
    await say(true);
    await say(false);
    await say(true, system.slack.people.bob);
    const { status, body } = await system.request('GET', '/v1/feedback');
    expect(status).toBe(200);
    expect(body['feedback']).toMatchObject([
      { messageId, agentId: system.agent.id, rating: 'up', byAsker: false },
      { messageId, rating: 'down', byAsker: true },
    ]);
    expect(await ada.outcomes('feedback_up')).toBe(2);
    expect(await ada.outcomes('feedback_down')).toBe(1);
    await click({ action_id: FEEDBACK, value: feedbackValue(true, system.tenantId) }, place());
    expect((await system.request('GET', '/v1/feedback')).body['feedback']).toHaveLength(2);
  });
});
