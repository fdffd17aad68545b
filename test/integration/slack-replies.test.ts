import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import proto from '@temporalio/proto';
import { APOLOGY } from '../../src/domain/words.ts';
import type { HandleMessage } from '../../src/workflows/handle-message.ts';
import { getWindow } from '../../src/memory/window/window.ts';
import { eventually } from '../support/eventually.ts';
import { chunk, fail, noted as notedText } from '../support/fake-llm.ts';
import { talk } from '../support/slack-talk.ts';
import { startSystem, type SlackSystem } from '../support/system.ts';

const { EventType } = proto.temporal.api.enums.v1;

let deployment: SlackSystem;
let ada: ReturnType<typeof talk>;
beforeAll(async () => {
  deployment = await startSystem({ slack: true, agent: { name: 'Mara', liveReplies: false } });
  ada = talk(deployment);
});
afterAll(() => deployment.stop());

const noted = () => deployment.llm.answerWith(notedText);
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const scope = () => ({
  tenantId: deployment.tenantId,
  agentId: deployment.agent.id,
  userId: `slack:${deployment.slack.team}:${deployment.slack.people.ada}`,
});
/** The turn's two messages as the window has them, once they are there. */
const remembered = (text: string) =>
  eventually(
    async () => {
      const messages = await getWindow(deployment.redis, scope());
      const at = messages.findIndex(({ content }) => content === text);
      return at >= 0 && messages[at + 1]?.content;
    },
    { what: `"${text}" in the window` },
  );
/** The workflow of the newest turn. */
const newestHandle = async () => {
  const { rows } = await deployment.database.admin.query<{ workflow_id: string }>(
    'SELECT workflow_id FROM turns ORDER BY received_at DESC LIMIT 1',
  );
  return deployment.temporal.workflow.getHandle<typeof HandleMessage>(rows[0]?.workflow_id ?? '');
};
const newestResult = async () => (await newestHandle()).result();

describe('one visible reply, whatever Slack does', () => {
  test.each([
    ['its answer to the post is lost', 'chat.postMessage', { kind: 'drop-after-acceptance' }],
    ['its answer to the update is lost', 'chat.update', { kind: 'drop-after-acceptance' }],
    ['500 to the post', 'chat.postMessage', { kind: 'status', status: 500 }],
    ['500 to the update', 'chat.update', { kind: 'status', status: 500 }],
    ['it is slow', 'chat.postMessage', { kind: 'slow', ms: 1_500 }],
  ] as const)('%s', async (name, method, fault) => {
    const said = await ada.mention(name);
    deployment.slack.fail(method, fault);
    await deployment.send(said.event);
    expect(await ada.answers(said)).toEqual([`Noted: ${name}`]);
    // A second one would have come by now.
    await sleep(700);
    expect(await deployment.slack.answers(said.channel, said.thread)).toHaveLength(1);
  });

  test.each(['chat.postMessage', 'chat.update'])('429 to %s is waited out as told', async (method) => {
    const said = await ada.mention(`busy ${method}`);
    deployment.slack.fail(method, { kind: 'status', status: 429, headers: { 'retry-after': '2' } });
    await deployment.send(said.event);
    expect(await ada.answers(said)).toEqual([`Noted: busy ${method}`]);
    const [refused, next] = deployment.slack
      .callsOf(method)
      .filter(({ body }) => JSON.stringify(body).includes(said.ts) || method === 'chat.update')
      .slice(-2);
    expect(refused?.status).toBe(429);
    expect((next?.at ?? 0) - (refused?.at ?? 0)).toBeGreaterThanOrEqual(1_900);
  });

  test('a placeholder that somebody deleted: the reply is a new message', async () => {
    deployment.llm.answerWith(() => async (res) => {
      await sleep(800);
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.end(`${chunk({ content: 'here it is' }, 'stop')}data: [DONE]\n\n`);
    });
    const said = await ada.mention('delete it');
    await deployment.send(said.event);
    const [placeholder] = await eventually(
      async () => {
        const found = await deployment.slack.answers(said.channel, said.thread);
        return found.length > 0 && found;
      },
      { what: 'a placeholder' },
    );
    await deployment.slack.remove(said.channel, placeholder?.ts ?? '');
    expect(await ada.answers(said)).toEqual(['here it is']);
    noted();
  });

  test('a channel that refuses us for good: no reply, but the turn is remembered', async () => {
    const event = { ...(await ada.mention('into the void')).event, channel: 'C0GONE' };
    await deployment.send(event);
    expect(await remembered('into the void')).toBe('Noted: into the void');
    expect((await newestResult()).missing).toEqual(['delivery']);
  });
});

test('one message costs three workflow tasks and two activities, one of them local, placeholder and delivery included', async () => {
  const said = await ada.mention('what does it cost?');
  await deployment.send(said.event);
  await ada.answers(said);
  expect((await newestResult()).missing).toEqual([]);
  const events = (await newestHandle().then((handle) => handle.fetchHistory())).events ?? [];
  const count = (type: number) => events.filter(({ eventType }) => eventType === type).length;
  expect(count(EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED)).toBe(3);
  expect(count(EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED)).toBe(1);
  // The local activity: the window has the turn from the other one.
  expect(count(EventType.EVENT_TYPE_MARKER_RECORDED)).toBe(1);
});

describe('what the reply looks like', () => {
  test('15,000 characters with a table and code: whole in several messages', async () => {
    const code = Array.from({ length: 150 }, (_, i) => `const value${i} = compute(${i}) // step ${i}`);
    const rows = Array.from({ length: 100 }, (_, i) => `| ${i} | row number ${i} | ${'x'.repeat(20)} |`);
    const prose = Array.from({ length: 40 }, (_, i) => `Paragraph ${i}: ${'lorem ipsum '.repeat(6)}`);
    const reply = [
      '# Report',
      ...prose,
      '```ts',
      ...code,
      '```',
      '',
      '| n | name | x |',
      '|---|---|---|',
      ...rows,
    ].join('\n');
    expect(reply.length).toBeGreaterThan(13_000);
    deployment.llm.answerWith(() => reply);
    const said = await ada.mention('a long one');
    // The third message is accepted and its answer lost: it is found, not posted again.
    deployment.slack.fail(
      'chat.postMessage',
      { kind: 'slow', ms: 1 },
      { kind: 'slow', ms: 1 },
      { kind: 'drop-after-acceptance' },
    );
    await deployment.send(said.event);
    const parts = (await ada.messages(said, 5)).map(({ blocks }) => (blocks as [{ text: string }])[0].text);
    await sleep(700);
    expect(await deployment.slack.answers(said.channel, said.thread)).toHaveLength(5);
    for (const part of parts) {
      expect(part.length).toBeLessThanOrEqual(4_000);
      expect((part.match(/^```/gm) ?? []).length % 2).toBe(0);
    }
    const all = parts.join('\n').split('\n');
    for (const line of [...prose, ...code, ...rows])
      expect(all.filter((found) => found === line.trimEnd() || found === line)).toHaveLength(1);
    for (const part of parts.filter((found) => found.includes('row number')))
      expect(part).toContain('|---|---|---|');
    noted();
  });

  test('nobody is pinged, and markdown is what Slack shows', async () => {
    deployment.llm.answerWith(() => '**Hey** <!channel> and <@U0000001>, &lt;!here&gt; <!subteam^S1>: `a<b`');
    const said = await ada.mention('call everyone');
    await deployment.send(said.event);
    const [message] = await ada.messages(said);
    const sent = JSON.stringify(message);
    expect(sent).not.toMatch(/(?:<|&lt;)(?:!channel|!here|!subteam|@U)/);
    expect(message?.text).toContain('*Hey*');
    expect(message?.text).not.toContain('**');
    const [shown] = message?.blocks as unknown[];
    expect(shown).toEqual({ type: 'markdown', text: expect.stringContaining('**Hey**') });
    noted();
  });
});

test('the LLM fails for good, in Slack: one line, in place of the placeholder', async () => {
  deployment.llm.answerWith(() => fail(400));
  const said = await ada.mention('break');
  await deployment.send(said.event);
  expect(await ada.answers(said)).toEqual([APOLOGY]);
  noted();
});

test('one person, one memory: from a channel to a direct conversation', async () => {
  const inChannel = await ada.mention('my cat is called Turing');
  await deployment.send(inChannel.event);
  await ada.answers(inChannel);
  await remembered('my cat is called Turing');
  const direct = await ada.direct('what is my cat called?');
  await deployment.send(direct.event);
  await ada.answers(direct);
  const prompt = deployment.llm.prompts.at(-1) ?? [];
  expect(prompt.map(({ content }) => content)).toContain('my cat is called Turing');
});

test('a burst in one thread is answered in order, each seeing the one before', async () => {
  const root = await ada.mention('start');
  await deployment.send(root.event);
  await ada.answers(root);
  const from = deployment.llm.prompts.length;
  const burst = [];
  for (let i = 0; i < 6; i += 1) burst.push(await ada.message(`burst ${i}`, root.thread));
  // As quickly as a person can't: each is sent when the one before has been acknowledged.
  for (const { event } of burst) expect((await deployment.send(event)).status).toBe(200);
  const texts = await ada.answers(root, 7);
  // Placeholders are posted side by side, within a second each; what is in order is the answering.
  expect(texts.slice(1).toSorted()).toEqual(burst.map((_, i) => `Noted: burst ${i}`));
  const prompts = deployment.llm.prompts
    .slice(from)
    .map((prompt) => prompt.slice(-3).map(({ content }) => content));
  expect(prompts.slice(1)).toEqual(
    [1, 2, 3, 4, 5].map((i) => [`burst ${i - 1}`, `Noted: burst ${i - 1}`, `burst ${i}`]),
  );
});
