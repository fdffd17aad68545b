/** What never becomes anybody's memory: what the model thought, and what others said in a thread. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { PromptMessage } from '../../src/domain/conversation.ts';
import { shapeMessages } from '../../src/llm/shape-messages.ts';
import { memoryShortKey } from '../../src/redis/keys.ts';
import { eventually } from '../support/eventually.ts';
import { talk } from '../support/slack-talk.ts';
import { startSystem, type SlackSystem } from '../support/system.ts';

let deployment: SlackSystem;
let ada: ReturnType<typeof talk>;
beforeAll(async () => {
  deployment = await startSystem({ slack: true });
  ada = talk(deployment);
});
afterAll(() => deployment.stop());

const lastPrompt = () => deployment.llm.prompts.at(-1) ?? [];

/** All rows that hold words of conversations, once they hold these. */
const kept = (words: string): Promise<string> =>
  eventually(async () => {
    const { rows } = await deployment.database.admin.query(
      'SELECT to_jsonb(m) - $1 AS row FROM conversation_embeddings m',
      ['embedding'],
    );
    const all = JSON.stringify(rows);
    return all.includes(words) && all;
  });

/** Everything that Redis holds, the window included. */
const inRedis = async (): Promise<string> => {
  const { redis } = deployment;
  const values = await Promise.all(
    (await redis.keys('*')).map(async (key) => {
      const type = await redis.type(key);
      if (type === 'list') return redis.lrange(key, 0, -1);
      if (type === 'hash') return redis.hgetall(key);
      return type === 'string' ? redis.get(key) : type;
    }),
  );
  return JSON.stringify(values);
};

test('a thought of the model reaches neither Slack, nor the window, nor the memories', async () => {
  deployment.llm.answerWith(() => '<think>\nShe hides a xylophone.\n</think>\n\nHello, Ada.');
  const said = await ada.direct('guess what I play');
  await deployment.send(said.event);
  expect(await ada.answers(said)).toEqual(['Hello, Ada.']);
  const again = await ada.direct('guess again');
  await deployment.send(again.event);
  await ada.answers(again);
  expect(lastPrompt().map(({ content }) => content)).toContain('Hello, Ada.');
  expect(JSON.stringify(deployment.llm.prompts)).not.toContain('xylophone');
  expect(await kept('guess again')).not.toMatch(/xylophone|think>/);
  const redis = await inRedis();
  expect(redis).toContain('Hello, Ada.');
  expect(redis).not.toMatch(/xylophone|think>/);
});

test('a long thread is quoted in part, the newest first of all, and is kept nowhere', async () => {
  deployment.llm.answerWith(() => 'Summed up.');
  const { slack } = deployment;
  const { channel } = slack.places;
  const root = await slack.say(channel, 'tapir 0', undefined, 'bob');
  for (let i = 1; i < 30; i += 1) await slack.say(channel, `tapir ${i} ${'x'.repeat(2_000)}`, root, 'bob');
  const asked = await ada.mention('sum it up for me', root);
  await deployment.send(asked.event);
  await ada.answers(asked);
  const quoted = lastPrompt().find(({ content }) => content.includes('<thread>'))?.content ?? '';
  expect(quoted).toContain('tapir 29');
  expect(quoted).not.toContain('tapir 1 ');
  expect(quoted.length).toBeLessThan(14_000);
  expect(await kept('sum it up for me')).not.toContain('tapir');
  expect(await inRedis()).not.toContain('tapir');
});

describe('a preview for somebody in Slack', () => {
  const preview = (userId: string, text: string) =>
    deployment.request('POST', `/v1/agents/${deployment.agent.id}/preview`, { userId, text });

  test('is the very prompt of their next message, by the name that Slack gives them', async () => {
    const { slack, agent, tenantId } = deployment;
    deployment.llm.answerWith(() => 'Noted.');
    await deployment.request('PATCH', `/v1/agents/${agent.id}`, { recall: { threshold: 0 } });
    const userId = `slack:${slack.team}:${slack.people.ada}`;
    const told = await ada.direct('my bicycle is blue');
    await deployment.send(told.event);
    await ada.answers(told);
    await kept('my bicycle is blue');
    // As if a window of other messages had been said since.
    await deployment.redis.del(memoryShortKey(tenantId, agent.id, userId));
    const text = 'which colour is my bicycle';
    const { body } = await preview(userId, text);
    expect(body).toMatchObject({ channel: 'slack', userName: 'ada', missing: [] });
    const prompt = body['prompt'] as PromptMessage[];
    expect(prompt.some(({ content }) => content.includes('"ada": "my bicycle is blue"'))).toBe(true);
    const asked = await ada.direct(text);
    await deployment.send(asked.event);
    await ada.answers(asked);
    // The model's client joins what speaks for the system.
    expect(shapeMessages(prompt).messages).toEqual(lastPrompt());
  });

  test('says that it knows no name of somebody who is in no workspace of the tenant', async () => {
    const asked = () => deployment.slack.callsOf('users.info').length;
    const before = asked();
    const { status, body } = await preview('slack:T0ELSEWHERE:U0NOBODY', 'Hello');
    expect({ status, body }).toMatchObject({ status: 200, body: { channel: 'slack', userName: null } });
    expect(asked()).toBe(before);
  });
});
