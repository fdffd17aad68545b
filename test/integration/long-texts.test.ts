/** Texts as long as they may be, in the scripts that cost most: accepted, answered, and nothing stuck. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import proto from '@temporalio/proto';
import { liftUserLimit, startSystem, type System } from '../support/system.ts';
import { openPostOffice } from '../support/channels/postcard/index.ts';
import { hashEmbedder } from '../support/embeddings.ts';
import { eventually } from '../support/eventually.ts';

const { HistoryEvent } = proto.temporal.api.history.v1;
const MEGABYTE = 1_000_000;

const postOffice = openPostOffice();
const POSTMARK = 'a-postmark-of-the-tests';
let system: System;
beforeAll(async () => {
  // How long it takes to embed such texts is another matter.
  system = await startSystem({
    worker: { embedder: () => hashEmbedder() },
    channels: [postOffice.definition],
    env: { POSTCARD_POSTMARK: POSTMARK },
  });
  postOffice.bindTo({ tenantId: system.tenantId, agentId: system.agent.id });
  await liftUserLimit(system);
});
afterAll(() => system.stop());

/** The largest event of all histories, in bytes. */
async function largestEvent(): Promise<number> {
  let largest = 0;
  for await (const { workflowId, runId } of system.temporal.workflow.list()) {
    const { events } = await system.temporal.workflow.getHandle(workflowId, runId).fetchHistory();
    for (const event of events ?? []) largest = Math.max(largest, HistoryEvent.encode(event).finish().length);
  }
  return largest;
}

const asEscaped = (text: string): string =>
  text.replace(/[\s\S]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);

test.each([
  ['control characters', '\u0001'],
  ['Chinese', '日'],
  ['astral characters', '🐕'],
])('32,000 %s are accepted in their longest JSON', async (_what, character) => {
  const body = `{"userId":"escaped","text":"${asEscaped(character.repeat(32_000))}"}`;
  const path = `/v1/agents/${system.agent.id}/messages`;
  const answer = await system.request('POST', path, body, { prefer: 'wait=60' });
  expect([answer.status, answer.body['errors']]).toEqual([200, undefined]);
  // Compared beforehand: a failure must not print the texts.
  expect(system.llm.prompts.at(-1)?.at(-1)?.content === character.repeat(32_000)).toBe(true);
});

test('32,000 characters are accepted by a webhook as well, whatever limit its channel has', async () => {
  const card = { id: 'long', from: 'ada', text: '' };
  const body = JSON.stringify(card).replace('""', `"${asEscaped('🐕'.repeat(32_000))}"`);
  const { status } = await system.request('POST', '/postcard/cards', body, { 'x-postmark': POSTMARK });
  expect(status).toBe(200);
});

test('a scope full of the longest texts is answered as before, within what Temporal carries', async () => {
  system.llm.answerWith((messages) => messages.at(-1)?.content ?? '');
  for (const character of ['\u0001', '日']) {
    for (let i = 0; i < 10; i += 1) {
      const { status } = await system.say(`${character.repeat(31_999)}${i}`, { userId: 'ada' });
      expect(status).toBe(200);
    }
  }
  const { status, body } = await system.say('hi', { userId: 'ada' });
  expect(status).toBe(200);
  expect(body).toMatchObject({ reply: { text: 'hi' }, missing: [] });
  const { windowSize, droppedFromWindow } = body['memory'] as Record<string, number>;
  expect(windowSize).toBe(20);
  expect(droppedFromWindow).toBeGreaterThan(0);
  // What is remembered is whole.
  const remembered = (await system.memoryOf('ada')).body['window'] as Array<{ content: string }>;
  expect(remembered.at(-4)?.content === `${'日'.repeat(31_999)}9`).toBe(true);
  await eventually(
    async () => (await system.temporal.workflow.count(`ExecutionStatus = 'Running'`)).count === 0,
    { timeoutMs: 30_000 },
  );
  expect(await largestEvent()).toBeLessThan(MEGABYTE);
}, 120_000);

test('a prompt of the largest size that may be set, and a reply without end', async () => {
  const systemPrompt = '日'.repeat(32_000);
  const fields = { name: 'Long', systemPrompt, maxPromptTokens: 200_000 };
  const { body: agent } = await system.request('POST', '/v1/agents', fields);
  system.llm.answerWith(() => 'x'.repeat(3 * MEGABYTE));
  const say = (text: string) =>
    system.request(
      'POST',
      `/v1/agents/${String(agent['id'])}/messages`,
      { userId: 'ben', text },
      { prefer: 'wait=60' },
    );
  for (let i = 0; i < 3; i += 1) {
    const { status, body } = await say('日'.repeat(32_000));
    expect(status).toBe(200);
    const { text } = body['reply'] as { text: string };
    expect(/^x+( …)?$/.test(text)).toBe(true);
    expect(text.length).toBeLessThanOrEqual(200_000);
    expect(body['cutOff']).toBe(true);
  }
  expect(await largestEvent()).toBeLessThan(MEGABYTE);
}, 60_000);

test('the receipt names what is embedded in part; it is stored whole, and so is it in the window', async () => {
  const [long, short] = ['日'.repeat(32_000), 'All of it is read. '.repeat(1_600)];
  const userId = 'in-part';
  const receiptOf = async (text: string, reply: string) => {
    system.llm.answerWith(() => reply);
    const { body } = await system.say(text, { userId });
    const looked = await system.request('GET', `/v1/messages/${String(body['messageId'])}`);
    expect(looked.body['memory']).toEqual(body['memory']);
    return (body['memory'] as Record<string, unknown>)['embeddedInPart'];
  };
  expect(await receiptOf(short, short)).toBeUndefined();
  expect(await receiptOf(long, 'Noted.')).toEqual(['message']);
  expect(await receiptOf('Tell me all.', long)).toEqual(['reply']);
  expect(await receiptOf(long, long)).toEqual(['message', 'reply']);

  type Message = { content: string };
  const lengths = (messages: Message[]) =>
    messages.map(({ content }) => content.length).toSorted((a, b) => a - b);
  const expected = [short, short, long, 'Noted.', 'Tell me all.', long, long, long].map(
    ({ length }) => length,
  );
  expected.sort((a, b) => a - b);
  const isStored = async () => {
    const { body } = await system.memoryOf(userId);
    expect(lengths(body['window'] as Message[])).toEqual(expected);
    return (body['memories'] as Message[]).length === 8 && (body['memories'] as Message[]);
  };
  const stored = await eventually(isStored, { timeoutMs: 30_000, what: 'all memories' });
  expect(lengths(stored)).toEqual(expected);
}, 120_000);

test('an agent as long as it may be is accepted in its longest JSON; a larger prompt than can be carried is not', async () => {
  const longest = `{"name":"E","persona":"${asEscaped('🐕'.repeat(8_000))}","systemPrompt":"${asEscaped('🐕'.repeat(32_000))}"}`;
  expect((await system.request('POST', '/v1/agents', longest)).status).toBe(201);
  const { status, body } = await system.request('POST', '/v1/agents', {
    name: 'F',
    maxPromptTokens: 200_001,
  });
  expect([status, body['errors']]).toEqual([400, [expect.objectContaining({ field: 'maxPromptTokens' })]]);
});

test('a user and an agent with the longest names are answered', async () => {
  const { body: agent } = await system.request('POST', '/v1/agents', { name: '🐕'.repeat(200) });
  const path = `/v1/agents/${String(agent['id'])}/messages`;
  const answer = await system.request(
    'POST',
    path,
    { userId: '🐕'.repeat(100), threadId: '日'.repeat(200), text: 'hi' },
    { prefer: 'wait=60' },
  );
  expect(answer).toMatchObject({ status: 200 });
});
