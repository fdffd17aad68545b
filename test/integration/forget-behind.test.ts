/** What is said behind an erasure that is slow, or that nobody has started. */
import { afterAll, afterEach, expect, jest, test } from '@jest/globals';
import { createGatherContext } from '../../src/activities/gather-context.ts';
import { enterErasure } from '../../src/db/erasures.ts';
import { createPool } from '../../src/db/pool.ts';
import { DEFAULT_RECALL } from '../../src/domain/agent.ts';
import { appendTurn } from '../../src/memory/window/window.ts';
import { acceptedMessage } from '../support/accepted-message.ts';
import { noted } from '../support/fake-llm.ts';
import { somebody, startForgetting, word } from '../support/forgetting.ts';

jest.setTimeout(240_000);

const forgetting = await startForgetting();
const { system, forget, finished, stored, stateOf, receiptOf, holdBackfill, promptOf, blockMemories } =
  forgetting;
afterEach(() => system.llm.answerWith(noted));
afterAll(() => system.stop());

test('what waits no longer for a slow erasure begins with nothing all the same, and is kept', async () => {
  const userId = somebody();
  const planted = word();
  await system.say(`My secret is ${planted}`, { userId });
  await stored(userId, 2);
  const unblock = await blockMemories(userId);
  const request = await forget(userId, '', '');
  const asked = 'What was my secret again?';
  try {
    await system.say(asked, { userId });
    expect((await stateOf(request.body['erasureId']))?.state).toBe('accepted');
    expect((await receiptOf(request.body['erasureId'])).removed.memories).toBe(0);
  } finally {
    await unblock();
  }
  const prompt = promptOf(asked);
  expect(prompt?.map(({ role }) => role)).toEqual(['system', 'user']);
  expect(JSON.stringify(prompt)).not.toContain(planted);
  await finished(request);
  await stored(userId, 2);
  expect((await system.memoryOf(userId)).body).toMatchObject({ window: [{ content: asked }, {}] });
});

test('nor does what comes after that see it, though the turn before it is answered and not yet stored', async () => {
  const userId = somebody();
  const planted = word();
  await system.say(`My secret is ${planted}`, { userId });
  await stored(userId, 2);
  const unblock = await blockMemories(userId);
  const store = holdBackfill('Noted: First question');
  const request = await forget(userId, '', '');
  const asked = 'Second question: what was my secret?';
  try {
    const { body } = await system.say('First question', { userId });
    await system.say(asked, { userId });
    expect((await stateOf(body['messageId']))?.state).toBe('accepted');
    expect((await stateOf(request.body['erasureId']))?.state).toBe('accepted');
  } finally {
    await unblock();
    store();
  }
  expect(promptOf(asked)?.map(({ role }) => role)).toEqual(['system', 'user']);
  await finished(request);
  await stored(userId, 4);
});

test.each([
  ['whose API died before it was started', 'accepted', '1 second'],
  ['whose start was refused', 'refused', '1 second'],
  ['whose start was refused an hour ago', 'refused', '1 hour'],
])('an erasure %s is started by the next message, which begins with nothing', async (name, state, ago) => {
  const userId = somebody();
  const planted = word();
  await system.say(`My secret is ${planted}`, { userId });
  await stored(userId, 2);
  const wanted = { tenantId: system.tenantId, agentId: system.agent.id, userId, exchangeId: undefined };
  const entry = await enterErasure(system.database.pool, wanted, { type: 'operator' });
  if (entry.outcome !== 'entered') throw new Error(entry.outcome);
  const { erasureId } = entry.erasure;
  await system.admin.query(
    'UPDATE turns SET state = $2, offered_at = offered_at - $3::interval WHERE message_id = $1',
    [erasureId, state, ago],
  );

  const asked = `What was my secret, ${name}?`;
  await system.say(asked, { userId });
  expect(promptOf(asked)?.map(({ role }) => role)).toEqual(['system', 'user']);
  await stored(userId, 2);
  const next = `And now, ${name}?`;
  await system.say(next, { userId });
  expect(JSON.stringify(promptOf(next))).toContain(asked);
  expect((await finished({ body: { erasureId }, status: 202 })).removed).toMatchObject({
    memories: 2,
    turns: 1,
  });
});

test('a turn that can’t learn whether its scope is being forgotten is shown nothing of it', async () => {
  const pool = createPool({
    databaseUrl: 'postgres://127.0.0.1:1/nobody',
    max: 1,
    statementTimeoutMs: 1_000,
  });
  const { redis, embedder } = system;
  const { message } = acceptedMessage({ seq: 2, turnsAhead: 1, userId: somebody() });
  await appendTurn(redis, message, { seq: 1, messageId: 'm1', userText: 'secret', replyText: 'secret' });
  const { gatherContext } = createGatherContext({ pool, redis, embedder });
  const asked = { message, recall: DEFAULT_RECALL, agentName: 'Mara' };
  expect(await gatherContext(asked)).toMatchObject({
    window: [],
    recalled: [],
    missing: ['window', 'recall'],
  });
  const alone = await gatherContext({ ...asked, message: { ...message, turnsAhead: 0 } });
  expect(alone).toMatchObject({ window: [{ content: 'secret' }, {}], missing: ['recall'] });
  await pool.end();
});
