/** Questions name people where messages say "I". */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { decodeEmbedding } from '../../src/memory/embedding/embedding-codec.ts';
import { SOMEBODY } from '../support/embeddings.ts';
import { memoryOf, startMemories } from '../support/memory.ts';
import { newScope } from '../support/services.ts';
import { SMALL_TALK } from '../support/small-talk.ts';

let memories: Awaited<ReturnType<typeof startMemories>>;
beforeAll(async () => {
  memories = await startMemories();
});
afterAll(() => memories.stop());

const newMemory = () => memoryOf(memories, newScope(), 'Anna Schmidt');
const small = SMALL_TALK.map((user) => ({ user }));

test.each([
  ["What is Anna's job?", 'What is my job?'],
  ['Who are Anna Schmidt’s pupils?', 'Who are my pupils?'],
  ['Which instrument does Anna play?', 'Which instrument does I play?'],
])('%s is as near in meaning as: %s', async (naming, spoken) => {
  const scope = newScope();
  const memory = memoryOf(memories, scope, 'Anna Schmidt');
  const nameless = memoryOf(memories, scope);
  const told = 'I teach children to play the violin';
  await memory.tell({ user: told });
  const cosineOf = async (asker: typeof memory, question: string) =>
    (await asker.ask(question, { threshold: 0 })).recalled.find(({ content }) => content === told)?.cosine ??
    0;
  const cosine = await cosineOf(memory, naming);
  expect(cosine).toBeGreaterThan(await cosineOf(nameless, naming));
  expect(cosine).toBe(await cosineOf(memory, spoken));
});

test('what was said without a name is found by a question with one', async () => {
  const memory = newMemory();
  const told = 'I teach children to play the violin';
  await memory.tell(...small.slice(0, 12), { user: told }, ...small.slice(12));
  expect((await memory.ask("What is Anna's job?", { threshold: 0 })).found).toContain(told);
});

test('a question asked before without an answer makes room, though it names the user', async () => {
  const memory = newMemory();
  const asked = ['Where does Anna live?', 'Where does Anna live again?', 'Mara, where does Anna live?'];
  const told = 'I live in the old town of Graz';
  await memory.tell(
    ...asked.map((user) => ({ user, reply: "Sorry, I don't know." })),
    ...small.slice(0, 12),
    { user: told },
  );
  for (const question of asked) expect((await memory.ask(question, { threshold: 0 })).found[0]).toBe(told);
});

test('the message is embedded as it is written; in the first person only when it names somebody', async () => {
  const memory = newMemory();
  const embedded = jest.spyOn(memories.embedder, 'embed');
  const plain = await memory.ask('Where do I live?');
  expect(embedded.mock.calls.map(([text]) => text)).toEqual(['Where do I live?']);
  expect(plain).not.toHaveProperty('inFirstPerson');
  embedded.mockClear();
  const naming = await memory.ask('Where does Anna live?');
  expect(embedded.mock.calls.map(([text]) => text)).toEqual(['Where does Anna live?', 'Where does I live?']);
  embedded.mockRestore();
  const written = await memories.embedder.embed('Where does Anna live?', { ...SOMEBODY, priority: 'query' });
  expect([...decodeEmbedding(naming.embedding ?? '')]).toEqual([...written]);
  expect(naming.inFirstPerson).not.toBe(naming.embedding);
});
