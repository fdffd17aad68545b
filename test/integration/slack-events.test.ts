import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { BOT } from '../support/slack-stand-in.ts';
import { fetchInput } from '../../src/temporal/history.ts';
import { MENTION, talk } from '../support/slack-talk.ts';
import { startSystem, type SlackSystem } from '../support/system.ts';

let deployment: SlackSystem;
let ada: ReturnType<typeof talk>;
beforeAll(async () => {
  deployment = await startSystem({ slack: true });
  ada = talk(deployment);
});
afterAll(() => deployment.stop());

const lastPrompt = () => deployment.llm.prompts.at(-1)?.at(-1)?.content;

describe('Slack: bad signature, timestamp off by more than 5 minutes either way', () => {
  const SIX_MINUTES = 6 * 60;
  test.each([
    ['a wrong secret', { secret: 'another-secret' }],
    ['a timestamp six minutes ago', { secondsFromNow: -SIX_MINUTES }],
    ['a timestamp six minutes ahead', { secondsFromNow: SIX_MINUTES }],
    ['no signature', { headers: { 'x-slack-signature': undefined } }],
    ['no timestamp', { headers: { 'x-slack-request-timestamp': undefined } }],
    ['a timestamp that is no number', { headers: { 'x-slack-request-timestamp': 'now' } }],
    ['a signature of another version', { headers: { 'x-slack-signature': 'v1=abc' } }],
    ['an empty signature', { headers: { 'x-slack-signature': 'v0=' } }],
  ])('%s: 401, and nothing happens', async (_, options) => {
    const before = await ada.turns();
    const said = await ada.mention('let me in');
    expect((await deployment.send(said.event, options)).status).toBe(401);
    expect((await deployment.post('/slack/interactions', 'payload=%7B%7D', options)).status).toBe(401);
    expect(await ada.turns()).toBe(before);
  });

  test('four minutes either way are fine', async () => {
    const body = JSON.stringify({ type: 'url_verification', challenge: 'c' });
    for (const secondsFromNow of [-240, 240]) {
      expect((await deployment.post('/slack/events', body, { secondsFromNow })).status).toBe(200);
    }
  });
});

test('Slack: unknown workspace: 200 and ignored, counted', async () => {
  const turns = await ada.turns();
  const said = await ada.mention('hello from elsewhere');
  const options = { envelope: { team_id: 'TELSEWHERE' } };
  expect((await deployment.send(said.event, options)).status).toBe(200);
  expect(await ada.outcomes('unknown_workspace')).toBe(1);
  expect(await ada.turns()).toBe(turns);
  expect(await deployment.slack.answers(said.channel, said.thread)).toEqual([]);
});

test('url_verification is answered with its challenge', async () => {
  const body = JSON.stringify({ type: 'url_verification', challenge: '3eZbrw1aBm2rZgRNFdxV2595E9CY' });
  const response = await deployment.post('/slack/events', body);
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({ challenge: '3eZbrw1aBm2rZgRNFdxV2595E9CY' });
});

test('interactions are verified and answered', async () => {
  const payload = `payload=${encodeURIComponent('{"type":"block_actions"}')}`;
  expect((await deployment.post('/slack/interactions', payload)).status).toBe(200);
});

describe('one gesture is one turn', () => {
  test('four deliveries of one event: one workflow, one post', async () => {
    const before = await ada.turns();
    const said = await ada.mention('are you there?');
    const statuses = [];
    for (const retry of [undefined, '1', '2', '3']) {
      const headers = { 'x-slack-retry-num': retry, 'x-slack-retry-reason': retry && 'http_timeout' };
      statuses.push((await deployment.send(said.event, { headers })).status);
    }
    expect(statuses).toEqual([200, 200, 200, 200]);
    expect(await ada.answers(said)).toEqual(['Noted: are you there?']);
    expect(await ada.turns()).toBe(before + 1);
    expect(ada.posts(said)).toHaveLength(1);
  });

  test('message and app_mention at the same moment', async () => {
    const before = await ada.turns();
    const said = await ada.mention('twice but once');
    const twin = { ...said.event, type: 'message', channel_type: 'channel' };
    const responses = await Promise.all([deployment.send(said.event), deployment.send(twin)]);
    expect(responses.map(({ status }) => status)).toEqual([200, 200]);
    expect(await ada.answers(said)).toEqual(['Noted: twice but once']);
    expect(await ada.turns()).toBe(before + 1);
    expect(ada.posts(said)).toHaveLength(1);
  });
});

describe('what is no message to the agent: 200, no turn, and counted', () => {
  const mentioned = { text: `${MENTION} hello` };
  test.each([
    ['its own message', 'own_message', { ...mentioned, user: BOT.user, bot_id: BOT.bot }],
    ["another bot's", 'bot', { ...mentioned, bot_id: 'BOTHER', subtype: 'bot_message' }],
    ['an edit', 'subtype', { subtype: 'message_changed', message: mentioned }],
    ['an edit that mentions', 'edit', { ...mentioned, edited: { user: 'U1', ts: '1.2' } }],
    ['a deletion', 'subtype', { subtype: 'message_deleted', deleted_ts: '1.2' }],
    ['a join', 'subtype', { ...mentioned, subtype: 'channel_join' }],
    ['talk in the channel', 'not_addressed', { text: 'lunch?' }],
    ["talk in other people's threads", 'not_engaged', { text: 'lunch?', thread_ts: '1700000000.000100' }],
    [
      'a file without a word',
      'no_text',
      { subtype: 'file_share', text: '', files: [{}], channel_type: 'im' },
    ],
    ['a reaction', 'other_event', { type: 'reaction_added' }],
  ])('%s', async (_, outcome, fields) => {
    const [turns, counted] = [await ada.turns(), await ada.outcomes(outcome)];
    const said = await ada.message('x');
    expect((await deployment.send({ ...said.event, text: undefined, ...fields })).status).toBe(200);
    expect(await ada.outcomes(outcome)).toBe(counted + 1);
    expect(await ada.turns()).toBe(turns);
  });

  test('a body that is no JSON', async () => {
    expect((await deployment.post('/slack/events', 'payload=1')).status).toBe(200);
    expect(await ada.outcomes('unreadable')).toBe(1);
  });
});

describe('what reaches the agent', () => {
  test('a file with words, and an allowed bot', async () => {
    const file = await ada.direct('see attached');
    await deployment.send({ ...file.event, subtype: 'file_share', files: [{ id: 'F1' }] });
    expect(await ada.answers(file)).toEqual(['Noted: see attached']);
    const bot = await ada.mention('from a friend');
    await deployment.send({ ...bot.event, user: undefined, bot_id: 'BALLOWED', subtype: 'bot_message' });
    expect(await ada.answers(bot)).toEqual(['Noted: from a friend']);
  });

  test('names for mentions, characters for entities, and nothing of its own mention', async () => {
    const { slack } = deployment;
    const raw = `tell <@${slack.people.bob}> &amp; <@UNOBODY> ${MENTION} that a &lt; b, see <https://e.com|the page>`;
    const said = await ada.mention(raw);
    await deployment.send(said.event);
    await ada.answers(said);
    expect(lastPrompt()).toBe('tell @bob & @someone that a < b, see the page (https://e.com)');
    const again = await ada.mention(`and <@${slack.people.bob}>?`);
    await deployment.send(again.event);
    await ada.answers(again);
    const asked = slack.callsOf('users.info').filter(({ body }) => body['user'] === slack.people.bob);
    expect(asked).toHaveLength(1);
  });

  test('who has written is known by name, as soon as Slack has told it', async () => {
    const first = await ada.mention('who am I?');
    await deployment.send(first.event);
    await ada.answers(first);
    const second = await ada.mention('and now?');
    await deployment.send(second.event);
    await ada.answers(second);
    const { rows } = await deployment.database.admin.query<{ workflow_id: string }>(
      'SELECT workflow_id FROM turns ORDER BY received_at DESC LIMIT 1',
    );
    const input = await fetchInput(deployment.temporal, rows[0]?.workflow_id ?? '');
    expect(input).toMatchObject({ message: { text: 'and now?', userName: 'ada' } });
  });

  test('a thread it has answered in, without being mentioned again', async () => {
    const first = await ada.mention('my name is Ada');
    await deployment.send(first.event);
    await ada.answers(first);
    const second = await ada.message('and what is it?', first.thread);
    await deployment.send(second.event);
    expect(await ada.answers(first, 2)).toEqual(['Noted: my name is Ada', 'Noted: and what is it?']);
  });

  test('an assistant thread, with a status in place of the placeholder', async () => {
    const root = await ada.direct('New chat');
    const assistant_thread = {
      user_id: deployment.slack.people.ada,
      channel_id: root.channel,
      thread_ts: root.ts,
    };
    await deployment.send({ type: 'assistant_thread_started', assistant_thread });
    const said = await ada.direct('hello assistant', root.ts);
    await deployment.send(said.event);
    expect(await ada.answers(said)).toEqual(['Noted: hello assistant']);
    expect(deployment.slack.callsOf('assistant.threads.setStatus')[0]?.body).toMatchObject({
      channel_id: root.channel,
      thread_ts: root.ts,
    });
    expect(ada.posts(said)).toHaveLength(1);
    expect(deployment.slack.callsOf('chat.update').filter(({ body }) => body['ts'] === said.ts)).toEqual([]);
  });
});
