/** What never becomes anybody's memory: what the model thought, and what others said in a thread. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
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
