/** A turn step by step, as the console shows it. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { fetchBoundedHistory } from '../../src/temporal/history.ts';
import { readStory } from '../../src/temporal/story.ts';
import { eventually } from '../support/eventually.ts';
import { fail, noted } from '../support/fake-llm.ts';
import { createTestTenant, encryptionConfig } from '../support/services.ts';
import { startSystem, type System } from '../support/system.ts';

let system: System;
beforeAll(async () => {
  system = await startSystem();
});
afterAll(() => system.stop());

type Told = { state: string; failure?: string; steps: Array<{ name: string; state: string }> };
const storyOf = async (messageId: unknown, headers: Record<string, string> = {}) => {
  const { status, body } = await system.request(
    'GET',
    `/v1/messages/${String(messageId)}/story`,
    undefined,
    headers,
  );
  return { status, body: body as Told & Record<string, unknown> };
};

test('tells the steps, the prompt and the reply, and how the turn was stored', async () => {
  const { messageId } = (await system.say('My bicycle is blue.')).body;
  const { status, body } = await storyOf(messageId);
  expect(status).toBe(200);
  expect(body).toMatchObject({ type: 'HandleMessage', state: 'completed', isPart: false });
  expect(body.steps.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['gatherContext', 'answerTurn', 'appendTurnToWindow', 'EmbedAndStore']),
  );
  expect(body['prompt']).toContainEqual({ role: 'user', content: 'My bicycle is blue.' });
  expect(body['reply']).toBe('Noted: My bicycle is blue.');
  await eventually(async () => {
    const stored = (await storyOf(messageId)).body['stored'] as Told | null;
    return stored?.state === 'completed' && stored.steps.some(({ name }) => name === 'storeTurn');
  });
});

test('tells why a turn has failed', async () => {
  system.llm.answerWith(() => fail(400));
  const { messageId } = (await system.say('Hello')).body;
  system.llm.answerWith(noted);
  const { body } = await storyOf(messageId);
  expect(body.state).toBe('failed');
  expect(body.failure).toMatch(/TurnFailed.*LlmRejected: /);
  expect(body['reply']).toBeNull();
  const answering = body.steps.find(({ name }) => name === 'answerTurn');
  expect(answering?.state).toBe('failed');
});

test('is one’s own, and gone with what is forgotten', async () => {
  const { messageId } = (await system.say('Forget me', { userId: 'carol' })).body;
  const { apiKey } = await createTestTenant(system.database.pool);
  expect((await storyOf(messageId, { authorization: `Bearer ${apiKey}` })).status).toBe(404);
  expect((await storyOf(randomUUID())).status).toBe(404);
  await system.request('DELETE', `/v1/agents/${system.agent.id}/users/carol/memory`, undefined, {
    prefer: 'wait=30',
  });
  await eventually(async () => (await storyOf(messageId)).status === 404);
});

test('of a long history the begin is told, and how it ended', async () => {
  const { workflowId } = (await system.say('Hello', { userId: 'dora' })).body;
  const [whole, recorded] = [
    await fetchBoundedHistory(system.temporal, String(workflowId), 1_000),
    await fetchBoundedHistory(system.temporal, String(workflowId), 2),
  ];
  if (!recorded || !whole) throw new Error('Temporal has forgotten it');
  expect([whole.isPart, recorded.isPart]).toEqual([false, true]);
  const [events, all] = [recorded.history.events ?? [], whole.history.events ?? []];
  expect(events.length).toBeLessThan(all.length);
  expect(events.at(-1)).toEqual(all.at(-1));
  expect((await readStory(recorded, encryptionConfig().keys)).state).toBe('completed');
  expect(await fetchBoundedHistory(system.temporal, 'nobody', 4)).toBeUndefined();
});

test('a failure that is none of ours is named and not quoted', async () => {
  system.llm.answerWith(() => fail(400));
  const { workflowId } = (await system.say('Hello', { userId: 'emil' })).body;
  system.llm.answerWith(noted);
  const recorded = await fetchBoundedHistory(system.temporal, String(workflowId), 1_000);
  if (!recorded) throw new Error('Temporal has forgotten it');
  const { failure } = await readStory(recorded, encryptionConfig().keys, (type) => type === 'TurnFailed');
  expect(failure).toMatch(/^TurnFailed: .* LlmRejected$/);
});
