/** A fact told as a request or within a question is kept, in any language; what only asks again is not. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { memoryOf, startMemories } from '../support/memory.ts';
import { newScope } from '../support/services.ts';
import { SMALL_TALK } from '../support/small-talk.ts';
import { ASKED_AGAIN, TOLD_IN_QUESTIONS } from '../support/told-in-questions.ts';

let memories: Awaited<ReturnType<typeof startMemories>>;
beforeAll(async () => {
  memories = await startMemories();
  const { embedder } = memories;
  const known = new Map<string, Promise<Float32Array>>();
  memories.embedder = {
    ...embedder,
    embed: (text, request) => {
      const embedding = known.get(text) ?? embedder.embed(text, request);
      known.set(text, embedding);
      return embedding;
    },
  };
});
afterAll(() => memories.stop());

const others = SMALL_TALK.slice(0, 12).map((user) => ({ user }));
const NO_ANSWER = "I'm sorry, I don't know that.";

describe.each([
  ['refused', "I'm unable to store personal information."],
  ['not known', NO_ANSWER],
])('a fact told in a question, the reply: %s', (_name, reply) => {
  test.each(TOLD_IN_QUESTIONS)('%s … %s', async (said, asked) => {
    const memory = memoryOf(memories, newScope());
    const unanswered = { user: asked, reply: NO_ANSWER };
    await memory.tell({ user: said, reply }, ...others, unanswered, unanswered, unanswered);
    const { found } = await memory.ask(asked);
    expect(found).toContain(said);
    expect(found).not.toContain(asked);
  });
});

test.each(ASKED_AGAIN)('“%s” without an answer tells nothing to “%s”', async (before, asked) => {
  const memory = memoryOf(memories, newScope());
  const unanswered = { user: before, reply: NO_ANSWER };
  await memory.tell(...others, unanswered, unanswered);
  expect((await memory.ask(asked, { threshold: 0 })).found).not.toContain(before);
});
