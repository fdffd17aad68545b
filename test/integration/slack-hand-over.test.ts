/** A person takes over a thread and hands it back: by the API, by a phrase, by the agent, by a button. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { HAND_BACK } from '../../src/channels/slack/handover/tell-people.ts';
import { HANDED_BACK_LINE, HANDED_OVER_LINE, NOT_ALLOWED } from '../../src/domain/words.ts';
import { keysOfTenant } from '../../src/redis/keys.ts';
import { eventually } from '../support/eventually.ts';
import { noted } from '../support/fake-llm.ts';
import { talk, type Said } from '../support/slack-talk.ts';
import { startSystem, type SlackSystem } from '../support/system.ts';

let system: SlackSystem;
let ada: ReturnType<typeof talk>;
beforeAll(async () => {
  system = await startSystem({
    slack: true,
    agent: { name: 'Mara', escalation: { people: ['UHUMAN', 'UOTHER'] } },
  });
  ada = talk(system);
});
beforeEach(() => system.llm.answerWith(noted));
afterAll(() => system.stop());

const threadIdOf = (said: Said) => `slack:${system.slack.team}:${said.channel}:${said.thread}`;
const pathOf = (said: Said) => `/v1/threads/${encodeURIComponent(threadIdOf(said))}/escalation`;
const memoriesOf = async () => {
  const userId = `slack:${system.slack.team}:${system.slack.people.ada}`;
  const { body } = await system.memoryOf(userId, '?limit=200');
  return body['memories'] as Array<{ content: string; role: string }>;
};
const remembered = (text: string) =>
  eventually(async () => (await memoriesOf()).some(({ content }) => content === text), {
    what: `"${text}" in memory`,
  });
/** What the agent has said in the thread. */
const seen = async (said: Said) =>
  (await system.slack.answers(said.channel, said.thread)).map(({ text }) => text);
/** What people were told directly, newest last. */
const told = (person: string) =>
  system.slack.callsOf('chat.postMessage').filter(({ body }) => body['channel'] === person);

/** Somebody clicks on the button that hands back. */
const click = (said: Said, user: { id: string; team_id?: string }, how: object = {}) => {
  const payload = {
    type: 'block_actions',
    user,
    team: { id: system.slack.team, domain: 'acme' },
    channel: { id: said.channel },
    message: { ts: said.ts, thread_ts: said.thread },
    trigger_id: '1.2.3',
    actions: [{ type: 'button', action_id: HAND_BACK, value: threadIdOf(said) }],
    ...how,
  };
  const body = new URLSearchParams({ payload: JSON.stringify(payload) }).toString();
  return system.post('/slack/interactions', body, {
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  });
};
/** A thread in which the agent has answered. */
async function engaged(text: string): Promise<Said> {
  const said = await ada.mention(text);
  await system.send(said.event);
  await ada.answers(said);
  return said;
}

describe('by the API', () => {
  test('the agent is silent, remembers what is said, and speaks again when it is handed back', async () => {
    const said = await engaged('I need help with my invoice');
    const opened = await system.request('POST', pathOf(said));
    expect(opened).toMatchObject({
      status: 200,
      body: { state: 'escalated', openedBy: 'api' },
    });
    expect(opened.body['agentId']).toBe(system.agent.id);
    // Asked for again it is the same, and nobody is told twice.
    expect((await system.request('POST', pathOf(said))).body['openedAt']).toBe(opened.body['openedAt']);
    expect(await system.request('GET', pathOf(said))).toMatchObject({ status: 200 });
    expect(await seen(said)).toEqual(['Noted: I need help with my invoice', HANDED_OVER_LINE]);
    for (const person of ['UHUMAN', 'UOTHER']) {
      expect(told(person)).toHaveLength(1);
      expect(told(person)[0]?.body['text']).toContain('Mara hands over a conversation');
      expect(told(person)[0]?.body['blocks']).toContain('I need help with my invoice');
    }

    const asked = system.llm.prompts.length;
    const more = await ada.message('it is number 4711', said.thread);
    await system.send(more.event);
    await remembered('it is number 4711');
    expect(system.llm.prompts).toHaveLength(asked);
    expect(await seen(said)).toHaveLength(2);
    const memories = await memoriesOf();
    expect(memories.filter(({ role }) => role === 'assistant').map(({ content }) => content)).toEqual([
      'Noted: I need help with my invoice',
    ]);

    expect(await system.request('DELETE', pathOf(said))).toMatchObject({ body: { state: 'handed-back' } });
    expect((await system.request('DELETE', pathOf(said))).status).toBe(404);
    expect((await system.request('GET', pathOf(said))).status).toBe(404);
    const back = await ada.message('and now?', said.thread);
    await system.send(back.event);
    await eventually(async () => (await seen(said)).at(-1) === 'Noted: and now?', { what: 'an answer' });
    expect(await seen(said)).toContain(HANDED_BACK_LINE);
    // It has read along.
    expect(JSON.stringify(system.llm.prompts.at(-1))).toContain('it is number 4711');
  });

  test('Redis forgets everything: the agent is silent all the same', async () => {
    const said = await engaged('before the restart');
    await system.request('POST', pathOf(said));
    const keys = await system.redis.keys(keysOfTenant(system.tenantId));
    if (keys.length > 0) await system.redis.del(...keys);
    const asked = system.llm.prompts.length;
    const more = await ada.mention('after the restart', said.thread);
    await system.send(more.event);
    await remembered('after the restart');
    expect(system.llm.prompts).toHaveLength(asked);
  });

  test.each(['slack:T1', 'postcard:x', 'slack:T1:C1:now', 'nothing'])('%s is no thread', async (threadId) => {
    const path = `/v1/threads/${encodeURIComponent(threadId)}/escalation`;
    expect((await system.request('POST', path)).status).toBe(404);
  });
});

describe('by who writes', () => {
  test.each(['talk to a human', 'Can I speak to a person, please?', 'Mensch bitte!'])(
    '"%s"',
    async (words) => {
      const asked = system.llm.prompts.length;
      const said = await ada.mention(words);
      await system.send(said.event);
      await eventually(async () => (await seen(said)).includes(HANDED_OVER_LINE));
      expect((await system.request('GET', pathOf(said))).body).toMatchObject({ openedBy: 'person' });
      expect(told('UHUMAN').at(-1)?.body['text']).toContain(`<@${system.slack.people.ada}>`);
      expect(system.llm.prompts).toHaveLength(asked);
    },
  );

  test('what only speaks of humans asks for none', async () => {
    const said = await engaged('did you talk to a human today?');
    expect(await seen(said)).toEqual(['Noted: did you talk to a human today?']);
  });
});

test('by the agent itself: its reply stands, without the mark, and people are told', async () => {
  system.llm.answerWith(() => 'I can’t do that, so I ask somebody of the team.\n\n[[human]]');
  const said = await ada.mention('cancel my contract');
  await system.send(said.event);
  await eventually(async () => (await seen(said)).length === 2);
  expect(await seen(said)).toEqual(['I can’t do that, so I ask somebody of the team.', HANDED_OVER_LINE]);
  expect((await system.request('GET', pathOf(said))).body).toMatchObject({ openedBy: 'agent' });
  expect(JSON.stringify(system.llm.prompts.at(-1))).toContain('[[human]]');
});

describe('who clicks to hand back', () => {
  test('must have been named, and be a member: the server refuses all others', async () => {
    const said = await engaged('click me');
    await system.request('POST', pathOf(said));
    const team_id = system.slack.team;
    const refused = [
      { id: 'UNOBODY', team_id },
      // A guest of another company, whose id is that of a member who may.
      { id: 'UHUMAN', team_id: 'T0GUEST' },
    ];
    for (const user of refused) {
      expect((await click(said, user)).status).toBe(200);
      expect((await system.request('GET', pathOf(said))).status).toBe(200);
    }
    expect(await ada.outcomes('click_refused')).toBe(2);
    const lines = system.slack.callsOf('chat.postEphemeral').map(({ body }) => [body['user'], body['text']]);
    expect(lines).toEqual(refused.map(({ id }) => [id, NOT_ALLOWED]));
    expect((await click(said, { id: 'UHUMAN', team_id })).status).toBe(200);
    expect((await system.request('GET', pathOf(said))).status).toBe(404);
    expect(await seen(said)).toContain(HANDED_BACK_LINE);
  });

  test('a thread of another workspace can’t be named, and an unsigned click does nothing', async () => {
    const said = await engaged('not from there');
    await system.request('POST', pathOf(said));
    const other = await click(
      said,
      { id: 'UHUMAN', team_id: system.slack.team },
      { actions: [{ action_id: HAND_BACK, value: 'slack:T0OTHER:C1:1700000000.000100' }] },
    );
    expect(other.status).toBe(200);
    const unsigned = await fetch(`${system.baseUrl}/slack/interactions`, {
      method: 'POST',
      body: 'payload={}',
    });
    expect(unsigned.status).toBe(401);
    expect((await system.request('GET', pathOf(said))).status).toBe(200);
  });
});
