import { gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { MAX_REPLY_BYTES } from '../../../src/domain/bounds.ts';
import { createAnswerBuilder } from '../../../src/llm/answer-builder.ts';
import { objectsIn } from '../../../src/llm/json.ts';
import { createAnswerReader, MAX_BODY_BYTES } from '../../../src/llm/read-answer.ts';
import { ENDINGS, SHAPES, STREAMS, THOUGHTS } from '../../integration/llm/dialects.ts';
import { expectNoFasterThanLength } from '../../support/growth.ts';

const read = async (pieces: Iterable<Uint8Array>) => {
  const builder = createAnswerBuilder({ mayOmitTag: false });
  const reader = createAnswerReader(builder);
  for (const piece of pieces) reader.push(piece);
  return { kind: await reader.end(), ...builder.end() };
};

const TRANSCRIPTS = [...STREAMS, ...SHAPES, ...THOUGHTS, ...ENDINGS]
  .map(({ reply }) => reply({ messages: [] }, 1))
  .map(({ chunks }) => Buffer.concat(chunks.map((chunk) => Buffer.from(chunk))));

test('any chunking of a transcript gives the same answer', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...TRANSCRIPTS),
      fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 200 }),
      async (bytes, sizes) => {
        const pieces: Uint8Array[] = [];
        let at = 0;
        for (const size of sizes) {
          pieces.push(bytes.subarray(at, at + size));
          at += size;
        }
        pieces.push(bytes.subarray(at));
        expect(await read(pieces)).toEqual(await read([bytes]));
      },
    ),
    { numRuns: 1_000 },
  );
});

test('a body that is compressed, and no header says so', async () => {
  const [bytes = Buffer.alloc(0)] = TRANSCRIPTS;
  expect(await read([gzipSync(bytes)])).toMatchObject({ text: 'Hello there, my friend!', isWhole: true });
});

test('a long answer in many small events takes linear time', () => {
  const event = Buffer.from(
    `data: ${JSON.stringify({ choices: [{ index: 0, delta: { reasoning_content: 'word ' } }] })}\n\n`,
  );
  // Each character stands for an event.
  const shape = (length: number) => '.'.repeat(length);
  expectNoFasterThanLength(shape, (text) => void read(Array.from(text, () => event)));
});

test('an answer without end is ended, and counts as cut off', async () => {
  const event = Buffer.from(
    `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: 'word '.repeat(1_000) } }] })}\n\n`,
  );
  const { text, finish, isWhole } = await read(Array.from({ length: 100 }, () => event));
  expect({ length: text.length, finish, isWhole }).toEqual({
    length: 200_000,
    finish: 'length',
    isWhole: true,
  });
});

/** Pushes a body that begins so and has no end, and gives how many bytes were taken of it. */
function takenOf(start: string | Uint8Array, piece: string): number {
  const reader = createAnswerReader(createAnswerBuilder({ mayOmitTag: false }));
  const bytes = Buffer.from(piece.repeat(Math.ceil(1_000_000 / piece.length)));
  let taken = 0;
  expect(() => {
    reader.push(typeof start === 'string' ? Buffer.from(start) : start);
    for (; taken < 2 * MAX_BODY_BYTES; taken += bytes.length) reader.push(bytes);
  }).toThrow();
  return taken;
}

describe('of a body without end no more is taken than of any answer', () => {
  test.each<[string, string | Uint8Array, string]>([
    ['a comment', '', ':x'],
    ['spaces', '', ' '],
    ['a page', '<html>', '<p>'],
    ['lines that are no events', 'x\n', 'this is no field of an event at all\n'],
    ['comments between events', 'data: {}\n\n', ': this keeps the connection alive\n\n'],
  ])('%s', (_, start, piece) => {
    expect(takenOf(start, piece)).toBeLessThanOrEqual(MAX_BODY_BYTES);
  });

  test.each<[string, string | Uint8Array, string]>([
    ['what is compressed', Uint8Array.of(0x1f, 0x8b), '\0'],
    ['one event', 'data: ', 'x'],
    ['an event of many lines', '', `data: ${'x'.repeat(100)}\n`],
    ['one document', '{"', 'x'],
    ['a line after another', '{}\n{"', 'x'],
    ['more events than an answer has letters', '', 'data: {}\n\n'],
  ])('%s', (_, start, piece) => {
    expect(takenOf(start, piece)).toBeLessThanOrEqual(MAX_BODY_BYTES / 8);
  });

  test.each([
    ['events that are no JSON', '', 'data: {\n\n'],
    ['lines of one event that are no JSON', '', 'data: {x\ndata: [x\n\n'],
    ['lines that are no JSON', '{}\n', '{x\n'],
    ['objects on a line that are no JSON', '{}\n', '{x}{y}\n'],
  ])('%s', (_, start, piece) => {
    expect(takenOf(start, piece)).toBe(0);
  });
});

test.each<[string, string]>([
  ['one comment', ':x'],
  ['a word', 'x'],
  ['a string in a document', '{"a":"x'],
  ['an event', 'data: x'],
])('%s that comes in many pieces takes linear time', (_, start) => {
  // Each character stands for a piece.
  const shape = (length: number) => '.'.repeat(length);
  const piece = Buffer.alloc(20, 'x');
  expectNoFasterThanLength(shape, (text) => {
    const reader = createAnswerReader(createAnswerBuilder({ mayOmitTag: false }));
    reader.push(Buffer.from(start));
    for (let at = 0; at < text.length; at += 1) reader.push(piece);
  });
});

test('a small body that becomes a large one is not read', async () => {
  const bomb = gzipSync(Buffer.alloc(50_000_000, 'x'));
  expect(bomb.length).toBeLessThan(100_000);
  await expect(read([bomb])).rejects.toThrow(/too large/);
});

test('others have their turns while a compressed body is read', async () => {
  const reading = { isBegun: false, isOver: false };
  let turns = 0;
  const reader = createAnswerReader({ take: () => (reading.isBegun = true), markWhole: () => undefined });
  reader.push(gzipSync('data: {}\n\n'.repeat(100_000)));
  const others = (async () => {
    for (; !reading.isOver; turns += Number(reading.isBegun))
      await new Promise((resolve) => setImmediate(resolve));
  })();
  await reader.end();
  reading.isOver = true;
  await others;
  expect(turns).toBeGreaterThan(10);
});

const whole = (text: string) =>
  JSON.stringify({ choices: [{ message: { content: text }, finish_reason: 'stop' }] });

test('the longest reply and as long a thought, every character escaped, in one document', async () => {
  const escaped = (text: string) => [...text].map(() => '\\u4e2d').join('');
  const longest = '中'.repeat(Math.floor(MAX_REPLY_BYTES / 3));
  const around = JSON.stringify(Array.from({ length: 2_000 }, (_, i) => ({ token: `t${i}`, logprob: -0.5 })));
  const message = `{"content":"${escaped(longest)}","reasoning_content":"${escaped(longest)}"}`;
  const choice = `{"message":${message},"finish_reason":"stop","logprobs":{"content":${around}}}`;
  const { text, thought, isWhole } = await read([Buffer.from(`{"choices":[${choice}]}`)]);
  expect({ text: text.length, thought, isWhole }).toEqual({
    text: longest.length,
    thought: longest.length,
    isWhole: true,
  });
});

/** Bytes that are held after each of these pieces, and are held of the answer's text. */
function heldAfter(...pieces: Array<string | Uint8Array>) {
  const builder = createAnswerBuilder({ mayOmitTag: false });
  const reader = createAnswerReader(builder);
  const held = pieces.map((piece) => {
    reader.push(Buffer.from(piece));
    return reader.held();
  });
  return { held, ofText: builder.held() };
}

test('what is held of an unfinished answer is counted', () => {
  const long = 'x'.repeat(500_000);
  for (const start of ['data: "', '{"a":"', '{}\n{"a":"']) {
    const [before = 0, after = 0] = heldAfter(start, long).held;
    expect(after - before).toBeGreaterThanOrEqual(1_000_000);
  }
  // Each line of an event is kept by itself.
  expect(heldAfter('data:x\n'.repeat(10_000)).held[0]).toBeGreaterThan(800_000);
  // An event keeps the one before, as long as both stand in one string; the next ones let go of it.
  const pieces = ['data: "', `${long}"\n\ndata: `, '{}\n\n', 'data: {}\n\n'];
  const [, both = 0, , later = 0] = heldAfter(...pieces).held;
  expect(both).toBeGreaterThanOrEqual(1_000_000);
  expect(later).toBeLessThan(1_000);
  const zipped = heldAfter(Uint8Array.of(0x1f, 0x8b), new Uint8Array(500_000));
  expect(zipped.held[1]).toBeGreaterThanOrEqual(500_000);
  const event = (text: string) => `data: ${JSON.stringify({ choices: [{ delta: { content: text } }] })}\n\n`;
  expect(heldAfter(event(long.slice(0, 100_000))).ofText).toBeGreaterThanOrEqual(300_000);
});

test('a refusal is cut, in whatever pieces it comes', () => {
  const builder = createAnswerBuilder({ mayOmitTag: false });
  for (let i = 0; i < 30_000; i += 1) builder.take({ refusal: 'no' });
  expect(builder.end().refusal).toHaveLength(10_000);
});

test.each<[string, string]>([
  ['brackets', `{"a":${'['.repeat(200_000)}${']'.repeat(200_000)}}`],
  ['empty objects', `{"choices":[${'{},'.repeat(200_000)}{}]}`],
  ['lists in lists', `{"choices":[{"message":{"reasoning":${'['.repeat(100)}"x"${']'.repeat(100)}}}]}`],
])('a document of %s is none of an answer', async (_, body) => {
  expect(await read([Buffer.from(body)])).toMatchObject({ text: '', thought: 0, isWhole: false });
});

test('what stands beside an answer that is taken is cut, and what can’t be is no count', async () => {
  const long = 'x'.repeat(300_000);
  const body = {
    model: long,
    choices: [{ message: { content: 'Hello', refusal: long }, finish_reason: long }],
    usage: { prompt_tokens: 1e308, completion_tokens: '7', reasoning_tokens: -1 },
  };
  const { model, finish, refusal, promptTokens, completionTokens, reasoningTokens, text } = await read([
    Buffer.from(JSON.stringify(body)),
  ]);
  expect([model, finish, refusal].map((one) => one?.length)).toEqual([200, 200, 10_000]);
  expect({ promptTokens, completionTokens, reasoningTokens, text }).toEqual({
    promptTokens: undefined,
    completionTokens: 7,
    reasoningTokens: undefined,
    text: 'Hello',
  });
});

test('of a text that is longer than an answer no more is looked at', () => {
  const builder = createAnswerBuilder({ mayOmitTag: false });
  builder.take({ text: 'x'.repeat(1_000_000) });
  expect(builder.shown()).toHaveLength(200_000);
  const restarted = createAnswerBuilder({ mayOmitTag: false });
  for (const length of [20, 30, 1_000_000]) restarted.take({ text: 'x'.repeat(length) });
  expect(restarted.shown()).toHaveLength(200_000);
});

test('documents one after the other, on one line, with whatever between them', async () => {
  const body = `${whole('Hel')} , "junk" ${whole('lo {"')}`;
  expect(await read([Buffer.from(body)])).toMatchObject({ text: 'Hello {"' });
  expect(objectsIn('{"a":"}\\"{"}{}} {{}')).toEqual(['{"a":"}\\"{"}', '{}']);
  expect(objectsIn('{}'.repeat(9), 3)).toHaveLength(3);
});
