/**
 * Bursts through the real API: a scope's messages are answered
 * one at a time and in order, and delay no one else.
 */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { enterTurn } from '../../src/db/ledger.ts';
import type { PromptMessage } from '../../src/domain/conversation.ts';
import { fetchInput } from '../../src/temporal/history.ts';
import { untilTaken, type Answer } from '../support/api-client.ts';
import { eventually } from '../support/eventually.ts';
import { noted, streamText } from '../support/fake-llm.ts';
import { liftUserLimit, startSystem, type System } from '../support/system.ts';

jest.setTimeout(300_000);

let system: System;
beforeAll(async () => {
  system = await startSystem();
  await liftUserLimit(system);
});
afterAll(() => system.stop());

const post: System['postMessage'] = (...args) => system.postMessage(...args);
const postUntilAccepted = (...args: Parameters<typeof post>) => untilTaken(() => post(...args));
const inLedgerOrder = async (userId: string) => {
  const { rows } = await system.database.admin.query<{ id: string; state: string }>(
    'SELECT message_id AS id, state FROM turns WHERE user_id = $1 ORDER BY seq',
    [userId],
  );
  return rows;
};
const allDone = (userId: string, count: number) =>
  eventually(
    async () => {
      const turns = await inLedgerOrder(userId);
      return turns.length === count && turns.every(({ state }) => state === 'done');
    },
    { timeoutMs: 90_000 },
  );

test('50 messages of one user at once: 50 replies in the ledger’s order, each with the previous turn in its prompt', async () => {
  const prompts: PromptMessage[][] = [];
  system.llm.answerWith((messages) => (prompts.push(messages), noted(messages)));
  // On a machine under load a message can get a 503 and be accepted later than the others. The order is
  // checked for a burst that was accepted completely.
  let user = '';
  let accepted: Array<{ text: string; answer: Answer }> = [];
  for (let attempt = 1; attempt <= 5; attempt += 1) {
    user = `burst-${attempt}`;
    // What was accepted of an attempt before is still being answered.
    const texts = Array.from({ length: 50 }, (_, i) => `${user} ${i}`);
    accepted = await Promise.all(texts.map(async (text) => ({ text, answer: await post(user, text) })));
    if (accepted.every(({ answer }) => answer.status === 202)) break;
    await new Promise((resolve) => setTimeout(resolve, 10_000));
  }
  expect(new Set(accepted.map(({ answer }) => answer.status))).toEqual(new Set([202]));
  await allDone(user, 50);

  const textOf = new Map(accepted.map(({ text, answer }) => [answer.body['messageId'], text]));
  const order = (await inLedgerOrder(user)).map(({ id }) => textOf.get(id) ?? '');
  const asked = prompts.filter((messages) => messages.at(-1)?.content.startsWith(`${user} `));
  expect(asked.map((messages) => messages.at(-1)?.content)).toEqual(order);
  asked.forEach((messages, i) => {
    const before = messages.filter(({ role }) => role !== 'system').slice(-3, -1);
    const turnBefore = order[i - 1];
    expect(before.map(({ content }) => content)).toEqual(
      turnBefore ? [turnBefore, `Noted: ${turnBefore}`] : [],
    );
  });
  for (const { text, answer } of accepted) {
    const { body } = await system.request('GET', `/v1/messages/${String(answer.body['messageId'])}`);
    expect(body).toMatchObject({ state: 'done', reply: { text: `Noted: ${text}` } });
  }
});

test('one Idempotency-Key 50 times at once, from a burst of others: one turn, one workflow, one reply', async () => {
  system.llm.answerWith(noted);
  const headers = { 'idempotency-key': 'fifty-times', prefer: 'wait=60' };
  const answers = await Promise.all([
    ...Array.from({ length: 50 }, () => postUntilAccepted('same', 'the same', headers)),
    ...Array.from({ length: 10 }, (_, i) =>
      postUntilAccepted('same', `another ${i}`, { 'idempotency-key': `another-${i}` }),
    ),
  ]);
  const same = answers.slice(0, 50);
  expect(new Set(same.map(({ status }) => status))).toEqual(new Set([200]));
  expect(new Set(same.map(({ body }) => JSON.stringify(body))).size).toBe(1);
  await allDone('same', 11);
  const asked = system.llm.prompts.filter((messages) => messages.at(-1)?.content === 'the same');
  expect(asked).toHaveLength(1);
});

test('the next turn does not wait for one that is answered but not yet remembered', async () => {
  const embed = system.embedder.embed.bind(system.embedder);
  let remember = (): void => undefined;
  const later = new Promise<void>((resolve) => (remember = resolve));
  jest.spyOn(system.embedder, 'embed').mockImplementation(async (text, request) => {
    if (request.priority === 'backfill') await later;
    return embed(text, request);
  });
  try {
    system.llm.answerWith(noted);
    expect((await system.say('first', { userId: 'quick' })).status).toBe(200);
    const { body } = await system.say('second', { userId: 'quick' });
    expect((await inLedgerOrder('quick')).map(({ state }) => state)).toEqual(['accepted', 'accepted']);
    expect(await fetchInput(system.temporal, String(body['workflowId']))).toMatchObject({
      message: { seq: 2, turnsAhead: 0 },
    });
    const prompt = system.llm.prompts.at(-1) ?? [];
    expect(prompt.map(({ content }) => content).slice(-3)).toEqual(['first', 'Noted: first', 'second']);
  } finally {
    remember();
    jest.restoreAllMocks();
  }
  await allDone('quick', 2);
});

test('a message that is in the ledger but was never started delays the next ones only for a bounded time', async () => {
  system.llm.answerWith(noted);
  const scope = { tenantId: system.tenantId, agentId: system.agent.id, userId: 'abandoned' };
  // As if the API had ended between the two steps, the last time just now.
  for (let i = 0; i < 3; i += 1)
    await enterTurn(system.database.pool, {
      ...scope,
      dedupeKey: `lost-${i}`,
      text: `lost ${i}`,
      threadId: undefined,
    });
  const { status, body } = await system.say('after', { userId: 'abandoned' });
  expect(status).toBe(200);
  expect(body['missing']).toEqual([]);
  // A later message with a new key is answered as usual.
  const late = await post('abandoned', 'late', { 'idempotency-key': 'x', prefer: 'wait=60' });
  expect(late.status).toBe(200);
});

test('while 500 messages of one user wait, another user is answered at once', async () => {
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  system.llm.answerWith((messages) => async (res) => {
    if (messages.at(-1)?.content.startsWith('crowd')) await held;
    streamText(res, noted(messages));
  });
  // Twenty senders share the messages. After a 503 of a busy machine they try again.
  const statuses = new Set<number>();
  const sender = async (_: unknown, first: number) => {
    for (let i = first; i < 500; i += 20) {
      let status = 503;
      while (status === 503) {
        ({ status } = await post('crowd', `crowd ${i}`, { 'idempotency-key': `crowd-${i}` }));
        if (status === 503) await new Promise((resolve) => setTimeout(resolve, 500));
      }
      statuses.add(status);
    }
  };
  await Promise.all(Array.from({ length: 20 }, sender));
  expect(statuses).toEqual(new Set([202]));
  const waitingBefore = await inLedgerOrder('crowd');
  expect(waitingBefore.filter(({ state }) => state === 'accepted')).toHaveLength(500);
  // A slow machine takes longer than one request waits.
  const isAnswered = async (i: number): Promise<boolean> => {
    const headers = { 'idempotency-key': `alone-${i}`, prefer: 'wait=60' };
    return (await post(`alone-${i}`, `hello ${i}`, headers)).status === 200;
  };
  await Promise.all(
    Array.from({ length: 5 }, (_, i) => eventually(() => isAnswered(i), { timeoutMs: 180_000 })),
  );
  // All of the crowd's messages still wait, so the others did not wait for them.
  expect((await inLedgerOrder('crowd')).filter(({ state }) => state === 'accepted')).toHaveLength(500);
  release();
});
