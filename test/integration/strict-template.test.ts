/**
 * A server whose chat template takes one system message, and strict turns that begin with the user, answers
 * every message that recalls something. Sources: vllm-project/vllm#41114, BerriAI/litellm#26879.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { PromptMessage } from '../../src/domain/conversation.ts';
import { fail, noted } from '../support/fake-llm.ts';
import { SMALL_TALK } from '../support/small-talk.ts';
import { liftUserLimit, startSystem, type System } from '../support/system.ts';

const FACT = 'My dog is called Rex';
const QUESTION = 'What is my dog called?';

let system: System;
beforeAll(async () => {
  system = await startSystem();
  await liftUserLimit(system);
});
afterAll(() => system.stop());

const isStrict = (messages: PromptMessage[]): boolean =>
  messages.every(({ role }, at) => role === (at === 0 ? 'system' : at % 2 === 1 ? 'user' : 'assistant'));

test('a fact, 11 other messages and a question that recalls it', async () => {
  system.llm.answerWith((messages) => (isStrict(messages) ? noted(messages) : fail(400)));
  const replyTo = async (text: string) => (await system.say(text)).body['reply'];
  for (const text of [FACT, ...SMALL_TALK.slice(0, 11)]) {
    expect(await replyTo(text)).toEqual({ text: `Noted: ${text}` });
  }
  const asked = system.llm.prompts.length;
  expect(await replyTo(QUESTION)).toEqual({ text: `Noted: ${QUESTION}` });

  const [sent = [], ...more] = system.llm.prompts.slice(asked);
  expect(more).toEqual([]);
  const [first, ...turns] = sent;
  expect(first?.content).toContain(FACT);
  expect(turns.map(({ content }) => content)).not.toContain(FACT);
});
