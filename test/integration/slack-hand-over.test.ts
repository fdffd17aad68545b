/** A person takes over a thread and hands it back: by the API, by a phrase, by the agent, by a button. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { HAND_BACK } from '../../src/channels/slack/handover/tell-people.ts';
import { ASK_FOR_PERSON } from '../../src/channels/slack/outbound/reply-buttons.ts';
import {
  HANDED_BACK_LINE,
  HANDED_OVER_LINE,
  NOBODY_NAMED,
  NOT_ALLOWED,
  PLACEHOLDER,
} from '../../src/domain/words.ts';
import { keysOfTenant } from '../../src/redis/keys.ts';
import { eventually } from '../support/eventually.ts';
import { chunk, noted } from '../support/fake-llm.ts';
import { talk, type Said } from '../support/slack-talk.ts';
import { startSystem, type SlackSystem } from '../support/system.ts';

let system: SlackSystem;
let ada: ReturnType<typeof talk>;
beforeAll(async () => {
  system = await startSystem({
    slack: true,
    // One of them is named twice.
    agent: { name: 'Mara', escalation: { people: ['UHUMAN', 'UOTHER', 'UHUMAN'] } },
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

/** The same of one thread: of others people may be told late. */
const toldOf = ({ thread }: Said, person: string) =>
  told(person).filter(({ body }) => body['blocks']?.includes(thread));

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

describe('while the agent is at work', () => {
  test.each([false, true])('what it would have said is not shown (live replies: %s)', async (liveReplies) => {
    await system.request('PATCH', `/v1/agents/${system.agent.id}`, { liveReplies });
    const speak = Promise.withResolvers<undefined>();
    system.llm.answerWith(() => async (res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.write(chunk({ content: 'the first half of a long answer, ' }));
      await speak.promise;
      res.end(`${chunk({ content: 'and the second' })}${chunk({}, 'stop')}data: [DONE]\n\n`);
    });
    const asked = system.llm.prompts.length;
    const said = await ada.mention('something long');
    await system.send(said.event);
    await eventually(() => system.llm.prompts.length > asked);
    await eventually(async () => (await seen(said)).length === 1);
    expect((await system.request('POST', pathOf(said))).status).toBe(200);
    speak.resolve(undefined);
    await eventually(async () => (await seen(said)).join() === HANDED_OVER_LINE, { what: 'silence' });
    await remembered('something long');
    expect(await seen(said)).toEqual([HANDED_OVER_LINE]);
    await system.request('PATCH', `/v1/agents/${system.agent.id}`, { liveReplies: false });
  });

  test('nor is what Slack would not take before', async () => {
    const said = await ada.mention('while Slack is away');
    const isReply = (body: Record<string, string>) => body['text'] === 'Noted: while Slack is away';
    const fault = { kind: 'status', status: 503, when: isReply } as const;
    system.slack.fail('chat.update', fault, fault);
    await system.send(said.event);
    await eventually(() => system.slack.callsOf('chat.update').some(({ body }) => isReply(body)));
    await system.request('POST', pathOf(said));
    await eventually(async () => (await seen(said)).join() === HANDED_OVER_LINE, { what: 'silence' });
    system.slack.heal();
  });
});

describe('the agent has shown that it is at work', () => {
  const threadOf = async (said: Said) => {
    const speak = Promise.withResolvers<undefined>();
    system.llm.answerWith(() => async (res) => {
      await speak.promise;
      res.end(chunk({ content: 'too late' }) + chunk({}, 'stop'));
    });
    await system.send(said.event);
    await eventually(async () => (await seen(said)).join() === PLACEHOLDER);
    await system.request('POST', pathOf(said));
    return speak;
  };

  test.each([
    { what: 'is away', fault: { kind: 'status', status: 503 }, left: [HANDED_OVER_LINE] },
    {
      what: 'asks to wait',
      fault: { kind: 'status', status: 429, headers: { 'retry-after': '1' } },
      left: [HANDED_OVER_LINE],
    },
    {
      what: 'refuses',
      fault: { kind: 'refuse', error: 'cant_delete_message' },
      left: [PLACEHOLDER, HANDED_OVER_LINE],
    },
  ] as const)(
    'a person takes over while Slack $what: that is taken away where it can be',
    async ({ what, fault, left }) => {
      const said = await ada.mention(`while Slack ${what}`);
      const speak = await threadOf(said);
      const before = system.slack.callsOf('chat.delete').length;
      system.slack.fail('chat.delete', fault, fault);
      speak.resolve(undefined);
      await eventually(() => system.slack.callsOf('chat.delete').length > before);
      await eventually(async () => (await seen(said)).join() === left.join(), {
        timeoutMs: 20_000,
        what: 'silence',
      });
      await remembered(`while Slack ${what}`);
      system.slack.heal();
      expect(await seen(said)).toEqual(left);
    },
    30_000,
  );

  test('it asks for a person and says nothing else: one line, also where Slack is away', async () => {
    const away = { kind: 'status', status: 503 } as const;
    const isLine = (body: Record<string, string>) => body['text'] === HANDED_OVER_LINE;
    system.llm.answerWith(() => '[[human]]');
    system.slack.fail('chat.delete', away);
    system.slack.fail('chat.postMessage', { ...away, when: isLine });
    const said = await ada.mention('I give up at once');
    await system.send(said.event);
    await remembered('I give up at once');
    expect(await seen(said)).toEqual([HANDED_OVER_LINE]);
  }, 30_000);
});

describe('nobody can be told at first', () => {
  const away = {
    kind: 'status',
    status: 503,
    when: (body: Record<string, string>) => body['channel'] === 'UHUMAN',
  } as const;

  test('who has written so is heard at once, and people are told later, once', async () => {
    const isTold = () => told('UHUMAN').filter(({ status }) => status === 200).length;
    const before = isTold();
    // At first by the API, and by the turn's first step.
    system.slack.fail('chat.postMessage', away, away);
    const said = await ada.mention('human please');
    expect((await system.send(said.event)).status).toBe(200);
    expect((await system.send(said.event)).status).toBe(200);
    expect((await system.request('GET', pathOf(said))).status).toBe(200);
    await eventually(() => isTold() === before + 1, { timeoutMs: 20_000, what: 'somebody is told' });
    await remembered('human please');
    expect(isTold()).toBe(before + 1);
    expect(await seen(said)).toEqual([HANDED_OVER_LINE]);
  }, 30_000);

  test('it breaks off midway: who has been told is not told again', async () => {
    const counts = () =>
      ['UHUMAN', 'UOTHER'].map((person) => told(person).filter(({ status }) => status === 200).length);
    const before = counts();
    const isOthers = (body: Record<string, string>) => body['channel'] === 'UOTHER';
    const limited = { kind: 'status', status: 429, headers: { 'retry-after': '1' }, when: isOthers } as const;
    system.slack.fail('chat.postMessage', limited, limited, limited);
    const said = await ada.mention('human please');
    for (let i = 0; i < 3; i += 1) expect((await system.send(said.event)).status).toBe(200);
    const areTold = () => counts().join() === before.map((count) => count + 1).join();
    await eventually(areTold, { timeoutMs: 20_000, what: 'all are told' });
    expect((await seen(said)).filter((text) => text === HANDED_OVER_LINE)).toHaveLength(1);
    await remembered('human please');
    expect(areTold()).toBe(true);
  }, 30_000);

  test('Slack is slow: what is begun on the message’s way in is not told twice', async () => {
    const before = told('UHUMAN').length;
    const slow = { kind: 'slow', ms: 3_000, when: away.when } as const;
    system.slack.fail('chat.postMessage', slow);
    const said = await ada.mention('human please');
    expect((await system.send(said.event)).status).toBe(200);
    await remembered('human please');
    const others = () => told('UOTHER').at(-1)?.body['blocks']?.includes(said.thread);
    await eventually(() => others(), { timeoutMs: 20_000, what: 'all are told' });
    expect(told('UHUMAN')).toHaveLength(before + 1);
  }, 30_000);

  test('who asks again in a thread of which nobody is told is heard ten times a minute as well', async () => {
    const said = await engaged('I ask a lot');
    const isLine = (body: Record<string, string>) => body['text'] === HANDED_OVER_LINE;
    const gone = { kind: 'status', status: 503, when: isLine } as const;
    system.slack.fail('chat.postMessage', ...Array.from({ length: 60 }, () => gone));
    const lines = () =>
      system.slack
        .callsOf('chat.postMessage')
        .filter(({ body }) => isLine(body) && body['thread_ts'] === said.thread).length;
    for (let i = 0; i < 14; i += 1) {
      const again = await ada.mention('human please', said.thread);
      expect((await system.send({ ...again.event, user: 'UASKSALOT' })).status).toBe(200);
    }
    // One more by the turn of the first, which waits before it tries again.
    expect(lines()).toBeLessThan(10 + 4);
    system.slack.heal();
  }, 30_000);

  test('the agent has asked: its reply stands, and the telling is tried again', async () => {
    system.slack.fail('chat.postMessage', away);
    system.llm.answerWith(() => 'Somebody of the team will see to it.\n\n[[human]]');
    const said = await ada.mention('my contract, please');
    await system.send(said.event);
    const isTold = () =>
      told('UHUMAN').some(({ status, body }) => status === 200 && body['blocks']?.includes('my contract'));
    await eventually(isTold, { timeoutMs: 20_000, what: 'somebody is told' });
    expect((await seen(said)).filter((text) => text.startsWith('Somebody'))).toHaveLength(1);
  }, 30_000);

  test('what is said next tells them, where nothing else did', async () => {
    const said = await engaged('I wait');
    const before = told('UHUMAN').filter(({ status }) => status === 200).length;
    system.slack.fail('chat.postMessage', away);
    expect((await system.request('POST', pathOf(said))).status).toBe(503);
    const more = await ada.message('hello?', said.thread);
    await system.send(more.event);
    await eventually(() => told('UHUMAN').filter(({ status }) => status === 200).length === before + 1);
  });
});

test('somebody has died while they told people: who comes next tells them, a minute later', async () => {
  const said = await engaged('tell them, please');
  await system.request('POST', pathOf(said));
  const { length: before } = toldOf(said, 'UHUMAN');
  const died = async (ago: string) => {
    const { tenantId, database } = system;
    await database.admin.query(
      `UPDATE escalations SET told_at = NULL, told = '{thread,UOTHER}', telling_at = now() - $3::interval
       WHERE tenant_id = $1 AND thread_id = $2`,
      [tenantId, threadIdOf(said), ago],
    );
  };
  await died('50 seconds');
  const more = await ada.message('anybody?', said.thread);
  await system.send(more.event);
  await eventually(() => toldOf(said, 'UHUMAN').length === before + 1, {
    timeoutMs: 30_000,
    what: 'they are told',
  });
  expect(toldOf(said, 'UOTHER')).toHaveLength(1);
  await remembered('anybody?');
  expect((await seen(said)).filter((text) => text === HANDED_OVER_LINE)).toHaveLength(1);
}, 60_000);

test('a message that asks for a person and comes again after the thread was handed back changes nothing', async () => {
  const said = await ada.mention('human please');
  await system.send(said.event);
  await system.request('DELETE', pathOf(said));
  expect((await system.send(said.event)).status).toBe(200);
  expect((await system.request('GET', pathOf(said))).status).toBe(404);
});

test('people see the newest of a long thread, of which Slack gives 15 messages a minute', async () => {
  const said = await engaged('a long story');
  for (let i = 0; i < 40; i += 1) await system.slack.say(said.channel, `chapter ${i}`, said.thread);
  await system.request('POST', pathOf(said));
  expect(told('UHUMAN').at(-1)?.body['blocks']).toContain('chapter 39');
});

test('where Slack does not let us look, people see what is at hand', async () => {
  const begun = await ada.mention('where is my order?');
  await system.slack.say(begun.channel, 'it should have come by now', begun.thread, 'bob');
  // The look that comes with the message is the only one for a while.
  system.slack.limitLooks({ everyMs: 60_000 });
  const said = await ada.mention('human please', begun.thread);
  await system.send(said.event);
  const isTold = () => told('UHUMAN').at(-1)?.body['blocks']?.includes('human please');
  await eventually(() => isTold(), { what: 'they are told' });
  expect(told('UHUMAN').at(-1)?.body['blocks']).toContain('it should have come by now');
  system.slack.heal();
});

test('people are not led to a direct message that they can’t open', async () => {
  const said = await ada.direct('talk to a human');
  await system.send(said.event);
  await eventually(async () => (await seen(said)).includes(HANDED_OVER_LINE));
  const text = told('UHUMAN').at(-1)?.body['text'];
  expect(text).toContain(`write to <@${system.slack.people.ada}>`);
  expect(text).not.toContain('Open the conversation');
});

/** How many threads a person has taken over so far. */
const opened = async (): Promise<number> => {
  const { rows } = await system.database.admin.query<{ count: string }>(
    `SELECT count(*) FROM audit_entries WHERE action = 'escalation.open'`,
  );
  return Number(rows[0]?.count);
};

test('the agent asks for a person ten times a minute for one sender: its reply stands, and what is over waits', async () => {
  system.llm.answerWith(() => 'Somebody will see to it.\n\n[[human]]');
  const [before, toldBefore] = [await opened(), told('UHUMAN').length];
  const asked: Said[] = [];
  // A twelfth would be answered a minute later, behind the eleventh.
  for (let i = 0; i < 11; i += 1) {
    const said = await ada.mention('I insist on somebody else');
    await system.send({ ...said.event, user: 'UINSISTS' });
    asked.push(said);
  }
  const isSaid = async (said: Said) => (await seen(said)).includes('Somebody will see to it.');
  // One after the other: the stand-in takes 5,000 calls of a token.
  for (const said of asked) await eventually(() => isSaid(said), { timeoutMs: 30_000, what: 'a reply' });
  await eventually(async () => (await opened()) - before >= 10, { what: 'ten hand-overs' });
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  expect((await opened()) - before).toBe(10);
  expect(told('UHUMAN').length - toldBefore).toBe(10);
}, 60_000);

test('who asks in one thread after the other is heard ten times a minute; then the agent answers', async () => {
  const [before, toldBefore] = [await opened(), told('UHUMAN').length];
  const asked: Said[] = [];
  for (let i = 0; i < 12; i += 1) {
    const said = await ada.mention('human please');
    await system.send({ ...said.event, user: system.slack.people.bob });
    asked.push(said);
  }
  expect((await opened()) - before).toBe(10);
  expect(told('UHUMAN').length - toldBefore).toBe(10);
  for (const said of asked.slice(10)) expect(await ada.answers(said)).toEqual(['Noted: human please']);
  // Others are heard.
  const hers = await ada.mention('human please');
  await system.send(hers.event);
  await eventually(async () => (await seen(hers)).includes(HANDED_OVER_LINE));
}, 60_000);

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

describe('by the agent, in a turn that waits for another', () => {
  /** Two messages of one thread; Slack says late, or not at all, that the second is shown to be at work. */
  async function secondOf(name: string, fault: Parameters<SlackSystem['slack']['fail']>[1]) {
    const speak = Promise.withResolvers<undefined>();
    system.llm.answerWith((messages) => async (res) => {
      const isFirst = messages.at(-1)?.content.includes('the first') === true;
      if (isFirst) await speak.promise;
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      const content = isFirst ? 'One moment.' : name === 'alone' ? '[[human]]' : 'I ask them.\n[[human]]';
      res.end(`${chunk({ content })}${chunk({}, 'stop')}data: [DONE]\n\n`);
    });
    const first = await ada.mention(`the first ${name}`);
    await system.send(first.event);
    await eventually(async () => (await seen(first)).join() === PLACEHOLDER);
    system.slack.fail('chat.postMessage', fault);
    const posts = system.slack.callsOf('chat.postMessage').length;
    const second = await ada.message(`the second ${name}`, first.thread);
    await system.send(second.event);
    await eventually(() => system.slack.callsOf('chat.postMessage').length > posts);
    speak.resolve(undefined);
    return first;
  }

  test.each([
    ['beside', ['One moment.', 'I ask them.', HANDED_OVER_LINE]],
    ['alone', ['One moment.', HANDED_OVER_LINE]],
  ])(
    'people are told, and the line is said once (%s)',
    async (name, expected) => {
      for (const fault of [
        { kind: 'slow', ms: 1_500 },
        { kind: 'status', status: 500 },
      ] as const) {
        const before = told('UHUMAN').length;
        const said = await secondOf(name, fault);
        await eventually(async () => (await seen(said)).join() === expected.join(), { timeoutMs: 20_000 });
        await eventually(() => told('UHUMAN').length === before + 1);
        system.slack.heal();
      }
    },
    60_000,
  );
});

test('by the agent, in such a turn: people are told also while Slack deletes nothing', async () => {
  const before = told('UHUMAN').length;
  const away = { kind: 'status', status: 503 } as const;
  system.llm.answerWith(() => '[[human]]');
  system.slack.fail('chat.delete', ...Array.from({ length: 20 }, () => away));
  const said = await ada.mention('nothing is deleted');
  await system.send(said.event);
  await eventually(() => told('UHUMAN').length === before + 1, { timeoutMs: 20_000 });
  expect(await seen(said)).toContain(PLACEHOLDER);
  system.slack.heal();
  await eventually(async () => (await seen(said)).join() === HANDED_OVER_LINE, { timeoutMs: 30_000 });
}, 60_000);

test('where no person could come, the agent is told of none', async () => {
  await system.say('hello over HTTP', { userId: 'http-user' });
  expect(JSON.stringify(system.llm.prompts.at(-1))).not.toContain('[[human]]');
});

test('by the agent, which says nothing else: one line', async () => {
  system.llm.answerWith(() => '[[human]]');
  const said = await ada.mention('I give up');
  await system.send(said.event);
  await eventually(async () => (await system.request('GET', pathOf(said))).status === 200);
  await eventually(async () => (await seen(said)).includes(HANDED_OVER_LINE));
  await remembered('I give up');
  expect(await seen(said)).toEqual([HANDED_OVER_LINE]);
});

test.each(['person', 'a company or a person'])(
  '"%s" alone answers a question, and asks for nobody',
  async (text) => {
    const said = await ada.mention(text);
    await system.send(said.event);
    expect(await ada.answers(said)).toEqual([`Noted: ${text}`]);
  },
);

test('where nobody was named who could come, the agent answers', async () => {
  await system.request('PATCH', `/v1/agents/${system.agent.id}`, { escalation: { people: [] } });
  const said = await ada.mention('talk to a human');
  await system.send(said.event);
  expect(await ada.answers(said)).toEqual(['Noted: talk to a human']);
  // A button of before.
  const actions = [{ type: 'button', action_id: ASK_FOR_PERSON, value: threadIdOf(said) }];
  expect((await click(said, { id: 'UDORA' }, { actions })).status).toBe(200);
  const answered = () => system.slack.callsOf('chat.postEphemeral').at(-1)?.body['text'];
  await eventually(() => answered() === NOBODY_NAMED);
  expect((await system.request('GET', pathOf(said))).status).toBe(404);
  await system.request('PATCH', `/v1/agents/${system.agent.id}`, {
    escalation: { people: ['UHUMAN', 'UOTHER', 'UHUMAN'] },
  });
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
    const lines = system.slack
      .callsOf('chat.postEphemeral')
      .map(({ body }) => [body['user'], body['text']])
      .filter(([user]) => user !== 'UDORA');
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
