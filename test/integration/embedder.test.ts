import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createEmbedder, type Embedder } from '../../src/memory/embedding/embedder.ts';
import { decodeEmbedding, encodeEmbedding } from '../../src/memory/embedding/embedding-codec.ts';
import { modelsPath } from '../support/services.ts';

let embedder: Embedder;
beforeAll(async () => {
  embedder = await createEmbedder({ modelsPath: modelsPath() });
});
afterAll(() => embedder.close());

const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);

test('384 numbers, normalised; similar texts are near, different ones are not', async () => {
  const [dog, pet, tax] = await Promise.all(
    ['My dog is called Rex', 'What is the name of my dog?', 'The tax form is due in May'].map((text) =>
      embedder.embed(text, 'query'),
    ),
  );
  if (!dog || !pet || !tax) throw new Error('an embedding is missing');
  expect(dog).toHaveLength(384);
  expect(dot(dog, dog)).toBeCloseTo(1, 5);
  expect(dot(dog, pet)).toBeGreaterThan(0.5);
  expect(dot(dog, tax)).toBeLessThan(0.2);
});

test('a text has the same embedding alone and in a batch with texts of other lengths', async () => {
  const alone = await embedder.embed('The meeting is on Tuesday', 'query');
  const others = Array.from({ length: 10 }, (_, i) => embedder.embed('word '.repeat(i * 20 + 1), 'backfill'));
  const among = await embedder.embed('The meeting is on Tuesday', 'backfill');
  await Promise.all(others);
  expect(dot(alone, among)).toBeGreaterThan(0.99999);
});

test("the pooling equals the library's own, in a batch of a long, an empty and a Unicode text", async () => {
  const long = 'My dog Bruno is afraid of thunder. '.repeat(60);
  const texts = ['warm', 'My dog is called Bruno.', long, '', 'Das Haus steht am Fluss 🏠'];
  const [, ...found] = await Promise.all(texts.map((text) => embedder.embed(text, 'query')));
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

test('a query is embedded before waiting backfills', async () => {
  const order: string[] = [];
  const note = (name: string) => () => void order.push(name);
  const backfills = Array.from({ length: 40 }, (_, i) =>
    embedder.embed(`backfill ${i}`, 'backfill').then(note(`b${i}`)),
  );
  await embedder.embed('a query', 'query').then(note('query'));
  await Promise.all(backfills);
  expect(order.indexOf('query')).toBeLessThan(17);
});

test('encoding and decoding keeps every bit', async () => {
  const embedding = await embedder.embed('bytes', 'query');
  expect(decodeEmbedding(encodeEmbedding(embedding))).toEqual(embedding);
  expect(() => decodeEmbedding('AAAA')).toThrow(/must be 1536 bytes/);
});

test('the error for a folder without the model names the setting', async () => {
  await expect(createEmbedder({ modelsPath: '/nowhere' })).rejects.toThrow(/set KONSTRUCT_MODELS/);
});
