/** Conversations with an agent, as Slack has them today: openings, the session's status, and Stop. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { NO_REPLY, PLACEHOLDER, SUGGESTED_PROMPTS } from '../../src/domain/words.ts';
import { eventually } from '../support/eventually.ts';
import { noted, streamText } from '../support/fake-llm.ts';
import { talk, type Said } from '../support/slack-talk.ts';
import { startSystem, type SlackSystem } from '../support/system.ts';

let system: SlackSystem;
let ada: ReturnType<typeof talk>;
beforeAll(async () => {
  system = await startSystem({ slack: true });
  system.slack.declareAgent(true);
  ada = talk(system);
});
afterAll(() => system.stop());

const statusesOf = (said: Said) =>
  system.slack
    .callsOf('agents.sessions.setStatus')
    .filter(({ body }) => body['thread_ts'] === said.thread)
    .map(({ body }) => body['status']);

describe('somebody opens the conversation', () => {
  const open = (tab: string, user = system.slack.people.ada) =>
    system.send({
      type: 'app_home_opened',
      user,
      channel: system.slack.places.direct,
      tab,
      event_ts: '1783536983.783769',
    });
  const prompts = () => system.slack.callsOf('assistant.threads.setSuggestedPrompts');

  test('the first time they see what they may ask; a thread is not named, which would fail without a word', async () => {
    for (const tab of ['messages', 'messages', 'home']) expect((await open(tab)).status).toBe(200);
    await eventually(() => prompts().length === 1);
    expect(prompts()[0]?.body).toMatchObject({ channel_id: system.slack.places.direct });
    expect(prompts()[0]?.body).not.toHaveProperty('thread_ts');
    expect(JSON.parse(prompts()[0]?.body['prompts'] ?? '')).toEqual(SUGGESTED_PROMPTS);
    await open('messages', system.slack.people.bob);
    await eventually(() => prompts().length === 2);
    expect(await ada.outcomes('app_home_opened')).toBe(4);
  });

  test('threads of the older kind each have their own', async () => {
    const before = prompts().length;
    const thread_ts = await system.slack.say(system.slack.places.direct, 'a thread');
    const assistant_thread = {
      user_id: system.slack.people.ada,
      channel_id: system.slack.places.direct,
      thread_ts,
    };
    await system.send({ type: 'assistant_thread_started', assistant_thread });
    await eventually(() => prompts().length === before + 1);
    expect(prompts().at(-1)?.body['thread_ts']).toBe(thread_ts);
  });
});

describe('a conversation with the agent', () => {
  test('says that the agent is at work, then has the reply, and is open again', async () => {
    const said = await ada.direct('hello');
    await system.send(said.event);
    expect(await ada.answers(said)).toEqual(['Noted: hello']);
    await eventually(() => statusesOf(said).length === 2);
    expect(statusesOf(said)).toEqual(['processing', 'active']);
    // No message says that it thinks.
    expect(ada.posts(said).map(({ body }) => body['text'])).not.toContain(PLACEHOLDER);
  });
});

describe('somebody stops it', () => {
  const stop = (said: Said, after = Number(said.ts) + 1) =>
    system.send({
      type: 'agent_session_stopped',
      user: system.slack.people.ada,
      channel: said.channel,
      thread_ts: said.thread,
      streaming_message_ts: [],
      event_ts: String(after),
    });
  /** The model is silent until it is told to speak. */
  const silent = () => {
    const until = Promise.withResolvers<undefined>();
    system.llm.answerWith((messages) => async (res) => {
      await until.promise;
      streamText(res, noted(messages));
    });
    return () => {
      until.resolve(undefined);
      system.llm.answerWith(noted);
    };
  };

  test.each(['direct', 'mention'] as const)(
    '%s: one line within two seconds, and no late reply',
    async (how) => {
      const speak = silent();
      const asked = system.llm.prompts.length;
      const said = await ada[how]('a long story, please');
      await system.send(said.event);
      await eventually(() => system.llm.prompts.length > asked);
      const stoppedAt = Date.now();
      expect((await stop(said)).status).toBe(200);
      expect(await ada.answers(said)).toEqual([NO_REPLY.stopped]);
      expect(Date.now() - stoppedAt).toBeLessThan(2_000);
      speak();
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      expect(await ada.answers(said)).toEqual([NO_REPLY.stopped]);
      if (how === 'direct') expect(statusesOf(said).at(-1)).toBe('active');
      const { rows } = await system.database.admin.query<{ state: string }>(
        'SELECT state FROM turns ORDER BY received_at DESC LIMIT 1',
      );
      expect(rows[0]?.state).toBe('failed');
    },
  );

  test('in a channel a turn that takes its time offers it, and a quick one doesn’t', async () => {
    const quick = await ada.mention('quickly');
    await system.send(quick.event);
    await ada.answers(quick);
    const speak = silent();
    const slow = await ada.mention('slowly');
    await system.send(slow.event);
    await eventually(() => statusesOf(slow).length === 1, { what: 'the offer' });
    expect(statusesOf(slow)).toEqual(['processing']);
    expect((await system.slack.answers(slow.channel, slow.thread)).map(({ text }) => text)).toEqual([
      PLACEHOLDER,
    ]);
    speak();
    expect(await ada.answers(slow)).toEqual(['Noted: slowly']);
    await eventually(() => statusesOf(slow).length === 2);
    expect(statusesOf(slow)).toEqual(['processing', 'active']);
    expect(statusesOf(quick)).toEqual([]);
  });

  test('what is said afterwards in the same thread is answered', async () => {
    const first = await ada.mention('stop this one');
    await stop(first);
    await system.send(first.event);
    expect(await ada.answers(first)).toEqual([NO_REPLY.stopped]);
    const next = await ada.mention('but not this one', first.thread);
    const ts = String(Number(first.ts) + 2);
    await system.send({ ...next.event, ts, event_ts: ts });
    expect(await ada.answers(next, 2)).toEqual([NO_REPLY.stopped, 'Noted: but not this one']);
  });

  test('another thread goes on', async () => {
    const speak = silent();
    const said = await ada.mention('leave me alone');
    await system.send(said.event);
    await stop(await ada.mention('somewhere else'));
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    speak();
    expect(await ada.answers(said)).toEqual(['Noted: leave me alone']);
  });
});

describe('Slack does not take a status', () => {
  const replied = async (said: Said) => {
    await system.send(said.event);
    expect(await ada.answers(said)).toEqual([expect.stringContaining('Noted: ')]);
  };

  test('of one thread: others have theirs', async () => {
    system.slack.fail('agents.sessions.setStatus', { kind: 'refuse', error: 'thread_not_found' });
    await replied(await ada.direct('a thread that is gone'));
    const next = await ada.direct('the next one');
    await replied(next);
    await eventually(() => statusesOf(next).length === 2);
    expect(statusesOf(next)).toEqual(['processing', 'active']);
  });

  test('too many: a message says it, and the reply is not late', async () => {
    system.slack.fail('agents.sessions.setStatus', {
      kind: 'status',
      status: 429,
      headers: { 'retry-after': '30' },
    });
    const said = await ada.direct('one of many');
    await replied(said);
    expect(ada.posts(said).map(({ body }) => body['text'])).toEqual([PLACEHOLDER]);
  });

  test('its begin was not heard of, in a thread of the older kind: it is ended all the same', async () => {
    system.slack.fail('agents.sessions.setStatus', { kind: 'drop-after-acceptance' });
    const said = await ada.direct('begun unheard');
    await system.send({ ...said.event, thread_ts: said.thread, assistant_thread: { action_token: 'x' } });
    expect(await ada.answers(said)).toEqual(['Noted: begun unheard']);
    await eventually(() => statusesOf(said).at(-1) === 'active');
  });

  test.each([
    ['too many', { kind: 'status', status: 429, headers: { 'retry-after': '1' } }],
    ['away', { kind: 'status', status: 503 }],
  ] as const)('its end, %s: it is said again', async (_what, fault) => {
    system.slack.fail('agents.sessions.setStatus', { ...fault, when: (body) => body['status'] === 'active' });
    const said = await ada.direct('until it ends');
    await replied(said);
    await eventually(() => statusesOf(said).length === 3, { what: 'a second end' });
    expect(statusesOf(said)).toEqual(['processing', 'active', 'active']);
  });
});

// The last one: that Slack has refused it is believed for minutes.
test('where Slack refuses a status, a message says it, and Slack is not asked at each turn', async () => {
  system.slack.declareAgent(false);
  const before = system.slack.callsOf('agents.sessions.setStatus').length;
  for (const text of ['one', 'two']) {
    const said = await ada.direct(text);
    await system.send(said.event);
    expect(await ada.answers(said)).toEqual([`Noted: ${text}`]);
    expect(ada.posts(said).map(({ body }) => body['text'])).toEqual([PLACEHOLDER]);
  }
  expect(system.slack.callsOf('agents.sessions.setStatus')).toHaveLength(before + 1);
});
