import { readFile } from 'node:fs/promises';
import os from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createEmbedder } from '../../src/memory/embedding/embedder.ts';
import { decodeEmbedding, encodeEmbedding } from '../../src/memory/embedding/embedding-codec.ts';
import type { EmbedRequest } from '../../src/memory/embedding/model-queue.ts';
import { SOMEBODY } from '../support/embeddings.ts';
import { eventually } from '../support/eventually.ts';
import { modelsPath } from '../support/services.ts';

let embedder: Awaited<ReturnType<typeof createEmbedder>>;
beforeAll(async () => {
  embedder = await createEmbedder({ modelsPath: modelsPath() });
});
afterAll(() => embedder.close());

const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);

test('384 numbers, normalised; similar texts are near, different ones are not', async () => {
  const [dog, pet, tax] = await Promise.all(
    ['My dog is called Rex', 'What is the name of my dog?', 'The tax form is due in May'].map((text) =>
      embedder.embed(text, { ...SOMEBODY, priority: 'query' }),
    ),
  );
  if (!dog || !pet || !tax) throw new Error('an embedding is missing');
  expect(dog).toHaveLength(384);
  expect(dot(dog, dog)).toBeCloseTo(1, 5);
  expect(dot(dog, pet)).toBeGreaterThan(0.5);
  expect(dot(dog, tax)).toBeLessThan(0.2);
});

test('a text has the same embedding alone and in a batch with texts of other lengths', async () => {
  const alone = await embedder.embed('The meeting is on Tuesday', { ...SOMEBODY, priority: 'query' });
  const others = Array.from({ length: 10 }, (_, i) =>
    embedder.embed('word '.repeat(i * 20 + 1), { ...SOMEBODY, priority: 'backfill' }),
  );
  const among = await embedder.embed('The meeting is on Tuesday', { ...SOMEBODY, priority: 'backfill' });
  await Promise.all(others);
  expect(dot(alone, among)).toBeGreaterThan(0.99999);
});

test("the pooling equals the library's own, in a batch of a long, an empty and a Unicode text", async () => {
  const long = 'My dog Bruno is afraid of thunder. '.repeat(60);
  const texts = ['warm', 'My dog is called Bruno.', long, '', 'Das Haus steht am Fluss 🏠'];
  const [, ...found] = await Promise.all(
    texts.map((text) => embedder.embed(text, { ...SOMEBODY, priority: 'query' })),
  );
  // Numbers 0, 1, 200 and 383 of extract(texts, { pooling:
  // 'mean', normalize: true }) with transformers.js 2.17.2.
  const expected = [
    [-0.004682, -0.015039, 0.046683, -0.016071],
    [0.010898, -0.006416, 0.039053, 0.094214],
    [-0.118838, 0.048299, 0.037717, -0.015717],
    [-0.001334, 0.056849, -0.004764, 0.033075],
  ];
  found.forEach((embedding, i) =>
    [0, 1, 200, 383].forEach((d, nth) => expect(embedding[d]).toBeCloseTo(expected[i]?.[nth] ?? NaN, 5)),
  );
});

describe('a text in its parts', () => {
  const request = { ...SOMEBODY, priority: 'backfill' } as const;
  const parts = ['My dog is called Rex. ', 'He was a gift of my sister. ', 'The tax form is due in May.'];

  test('has the embedding that it has in whole, and each part nearly its own', async () => {
    const { whole, parts: own } = await embedder.embedParts(parts, request);
    expect(dot(whole, await embedder.embed(parts.join(''), request))).toBeGreaterThan(0.9999);
    const [dog, , tax] = await Promise.all(parts.map((part) => embedder.embed(part, request)));
    if (!dog || !tax || !own[0] || !own[2]) throw new Error('an embedding is missing');
    for (const part of own) expect(dot(part, part)).toBeCloseTo(1, 5);
    expect(dot(own[0], dog)).toBeGreaterThan(dot(own[0], tax));
    expect(dot(own[2], tax)).toBeGreaterThan(dot(own[2], dog));
  });

  test('is read to its end, and a part without words has the embedding of the whole', async () => {
    const long = Array.from({ length: 40 }, (_, i) =>
      `Sentence number ${i} says nothing of a dog. `.repeat(4),
    );
    const { whole, parts: own } = await embedder.embedParts([...long, ...parts, ' \n '], request);
    const question = await embedder.embed('What is my dog called?', request);
    const likeness = own.map((part) => dot(part, question));
    expect(likeness.indexOf(Math.max(...likeness))).toBe(long.length);
    expect(own.at(-1)).toEqual(whole);
  });

  test('of many parts is read as far as a text may cost, and of each the beginning', async () => {
    const part = 'w '.repeat(300);
    const isTailRead = async (count: number) => {
      const others = Array<string>(count - 1).fill('a ');
      const [whole, withTail] = await Promise.all(
        [part, `${part}${'the dog '.repeat(20)}`].map(async (first) => {
          const { parts: own } = await embedder.embedParts([first, ...others], request);
          return own[0] ?? new Float32Array();
        }),
      );
      return whole && withTail && dot(whole, withTail) < 0.9999;
    };
    expect([await isTailRead(12), await isTailRead(48)]).toEqual([true, false]);
  });

  test.each([
    ['a word for each letter', 'w '.repeat(470)],
    ['a single word', '.'.repeat(940)],
    // In words of 99: of a word of more than a hundred letters the model makes a single piece.
    ['syllables of three letters', `${'각'.repeat(33)} `.repeat(9)],
  ])('lets queries in between, however few its words are: %s', async (_, part) => {
    const before = embedder.pid();
    const reading = { isOver: false };
    const read = embedder
      .embedParts(Array<string>(12).fill(part), request)
      .finally(() => (reading.isOver = true));
    let answered = 0;
    for (; !reading.isOver; answered += 1) await embedder.embed('quick', { ...SOMEBODY, priority: 'query' });
    expect((await read).parts).toHaveLength(12);
    expect(answered).toBeGreaterThan(8);
    expect(embedder.pid()).toBe(before);
  });
});

test('a query is embedded before waiting backfills', async () => {
  const order: string[] = [];
  const note = (name: string) => () => void order.push(name);
  const backfills = Array.from({ length: 40 }, (_, i) =>
    embedder.embed(`backfill ${i}`, { ...SOMEBODY, priority: 'backfill' }).then(note(`b${i}`)),
  );
  await embedder.embed('a query', { ...SOMEBODY, priority: 'query' }).then(note('query'));
  await Promise.all(backfills);
  expect(order.indexOf('query')).toBeLessThan(17);
});

test('queries without an end leave room for the backfills of others', async () => {
  const dense = { text: '港口的灯塔今天又坏了，'.repeat(400), tenantId: 'asks', priority: 'query' } as const;
  let asked = 0;
  let isStored = false;
  const ask = async (userId: string): Promise<void> => {
    while (!isStored && asked < 200) {
      await embedder.embed(dense.text, { ...dense, userId });
      asked += 1;
    }
  };
  const asking = ['a', 'b', 'c'].map(ask);
  await embedder.embed('The ferry leaves at nine.', { tenantId: 'tells', userId: 'u', priority: 'backfill' });
  isStored = true;
  await Promise.all(asking);
  // A second's worth, on whatever machine.
  expect(asked).toBeLessThan(100);
});

test('a query waits for one long text at most, also for one with a word piece for each letter', async () => {
  const order: string[] = [];
  const note = (name: string) => () => void order.push(name);
  const ideographs = '漢字仮名交文'.repeat(111);
  const [first, ...others] = [1, 2, 3, 4, 5].map((nth) =>
    embedder.embed(ideographs, { ...SOMEBODY, priority: 'backfill' }).then(note(`long ${nth}`)),
  );
  await first;
  const query = embedder.embed('quick', { ...SOMEBODY, priority: 'query' }).then(note('query'));
  await Promise.all([query, ...others]);
  expect(order.slice(0, 3)).toContain('query');
});

test('a model whose texts may wait leaves the processor to other processes', async () => {
  const patient = await createEmbedder({ modelsPath: modelsPath(), niceness: 10 });
  const pids = [patient.pid(), embedder.pid()].map((pid) => pid ?? 0);
  expect(pids.map((pid) => os.getPriority(pid))).toEqual([10, os.getPriority()]);
  await patient.close();
});

test('encoding and decoding keeps every bit', async () => {
  const embedding = await embedder.embed('bytes', { ...SOMEBODY, priority: 'query' });
  expect(decodeEmbedding(encodeEmbedding(embedding))).toEqual(embedding);
  expect(() => decodeEmbedding('AAAA')).toThrow(/must be 1536 bytes/);
});

test('the error for a folder without the model names the setting', async () => {
  await expect(createEmbedder({ modelsPath: '/nowhere' })).rejects.toThrow(/set KONSTRUCT_MODELS/);
});

const ask = (tenantId: string, userId = 'user', more: Partial<EmbedRequest> = {}) => ({
  tenantId,
  userId,
  priority: 'backfill' as const,
  ...more,
});

test('tenants take turns, and then their users', async () => {
  const order: string[] = [];
  const send = (name: string, request: EmbedRequest) =>
    embedder.embed(`a text of ${name}`, request).then(() => void order.push(name));
  const flood = Array.from({ length: 60 }, (_, i) => send(`flood ${i}`, ask('loud', 'bot')));
  await Promise.all([send('colleague', ask('loud', 'person')), send('quiet', ask('quiet'))]);
  // The first batch left before the two came; the second has both.
  expect(order.filter((name) => name.startsWith('flood')).length).toBeLessThan(16);
  await Promise.all(flood);
});

test("one tenant's full queue refuses that tenant alone", async () => {
  const cancel = new AbortController();
  const { signal } = cancel;
  const waiting = Array.from({ length: 1_010 }, () =>
    embedder.embed('again', ask('full', 'bot', { signal })),
  );
  // All are heard at once: a refusal that nobody listens to fails the test by itself.
  const all = Promise.allSettled(waiting);
  const refused = await Promise.allSettled(waiting.slice(1_008));
  expect(refused.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  await expect(embedder.embed('another', ask('other'))).resolves.toHaveLength(384);
  cancel.abort();
  const settled = await all;
  expect(settled.filter(({ status }) => status === 'fulfilled').length).toBeLessThan(100);
});

test('what is no longer wanted costs nothing', async () => {
  const cancel = new AbortController();
  const kept = embedder.embed('wanted', ask('a'));
  const dropped = embedder.embed('unwanted', ask('a', 'user', { signal: cancel.signal }));
  cancel.abort(new Error('the attempt is over'));
  await expect(dropped).rejects.toThrow('the attempt is over');
  await kept;
});

test('what is no longer wanted is let go at once, also while the model hangs', async () => {
  const pid = embedder.pid() ?? 0;
  process.kill(pid, 'SIGSTOP');
  const cancel = new AbortController();
  const kept = embedder.embed('wanted', ask('a'));
  const dropped = [1, 2].map(() => embedder.embed('unwanted', ask('a', 'user', { signal: cancel.signal })));
  cancel.abort(new Error('the attempt is over'));
  for (const one of dropped) await expect(one).rejects.toThrow('the attempt is over');
  await expect(embedder.embed('too late', ask('a', 'user', { signal: cancel.signal }))).rejects.toThrow(
    'the attempt is over',
  );
  // It would have been replaced after 20 s.
  expect(embedder.pid()).toBe(pid);
  process.kill(pid, 'SIGCONT');
  expect(await kept).toHaveLength(384);
});

/* Each makes the tokenizer work in its own way: a hundred pieces a word, no word at all, no end. */
test.each([
  ['Hangul that decomposes', `${'각'.repeat(33)} `.repeat(1_000)],
  ['other syllables', `${'뷁'.repeat(33)}\n`.repeat(1_000)],
  ['marks upon marks', `a${'\u0301\u0323'.repeat(40)} `.repeat(400)],
  ['white space', ' \u3000\n'.repeat(11_000)],
  ['ideographs', '漢字仮名'.repeat(8_000)],
  ['base64', 'QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo'.repeat(1_000)],
  ['emoji', '👩‍👩‍👧‍👦'.repeat(3_000)],
  ['halves of surrogate pairs', '\ud83d'.repeat(32_000)],
])('sixteen hostile texts leave the process in place: %s', async (_, text) => {
  const before = embedder.pid();
  await Promise.all(Array.from({ length: 16 }, (_, i) => embedder.embed(text, ask('loud', `user${i}`))));
  expect(embedder.pid()).toBe(before);
});

test('a process that is killed at work is replaced, and nothing is lost', async () => {
  const before = embedder.pid();
  if (before === undefined) throw new Error('no process');
  const alone = await embedder.embed('The meeting is on Tuesday', ask('a'));
  const texts = Array.from({ length: 40 }, () => embedder.embed('The meeting is on Tuesday', ask('a')));
  process.kill(before, 'SIGKILL');
  for (const embedding of await Promise.all(texts)) expect(dot(alone, embedding)).toBeGreaterThan(0.99999);
  expect(embedder.pid()).not.toBe(before);
});

test('a process that is killed while nobody asks is replaced when somebody does', async () => {
  process.kill(embedder.pid() ?? 0, 'SIGKILL');
  await eventually(() => embedder.pid() === undefined);
  await expect(embedder.embed('hello', ask('a'))).resolves.toHaveLength(384);
});

test('the process has none of the secrets of its parent', async () => {
  const variables = Object.fromEntries(
    (await readFile(`/proc/${embedder.pid()}/environ`, 'utf8'))
      .split('\0')
      .filter((line) => line !== '')
      .map((line) => line.split('=', 2) as [string, string]),
  );
  expect(Object.keys(variables).sort()).toEqual(['NODE_CHANNEL_FD', 'NODE_CHANNEL_SERIALIZATION_MODE']);
});
