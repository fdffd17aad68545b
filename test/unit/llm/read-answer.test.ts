import { gzipSync } from 'node:zlib';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createAnswerBuilder } from '../../../src/llm/answer-builder.ts';
import { createAnswerReader } from '../../../src/llm/read-answer.ts';
import { ENDINGS, SHAPES, STREAMS, THOUGHTS } from '../../integration/llm/dialects.ts';
import { expectNoFasterThanLength } from '../../support/growth.ts';

const read = (pieces: readonly Uint8Array[]) => {
  const builder = createAnswerBuilder({ mayOmitTag: false });
  const reader = createAnswerReader(builder);
  for (const piece of pieces) reader.push(piece);
  return { kind: reader.end(), ...builder.end() };
};

const TRANSCRIPTS = [...STREAMS, ...SHAPES, ...THOUGHTS, ...ENDINGS]
  .map(({ reply }) => reply({ messages: [] }, 1))
  .map(({ chunks }) => Buffer.concat(chunks.map((chunk) => Buffer.from(chunk))));

test('any chunking of a transcript gives the same answer', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...TRANSCRIPTS),
      fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 200 }),
      (bytes, sizes) => {
        const pieces: Uint8Array[] = [];
        let at = 0;
        for (const size of sizes) {
          pieces.push(bytes.subarray(at, at + size));
          at += size;
        }
        pieces.push(bytes.subarray(at));
        expect(read(pieces)).toEqual(read([bytes]));
      },
    ),
    { numRuns: 1_000 },
  );
});

test('a body that is compressed, and no header says so', () => {
  const [bytes = Buffer.alloc(0)] = TRANSCRIPTS;
  expect(read([gzipSync(bytes)])).toMatchObject({ text: 'Hello there, my friend!', isWhole: true });
});

test('a long answer in many small events takes linear time', () => {
  const event = Buffer.from(
    `data: ${JSON.stringify({ choices: [{ index: 0, delta: { reasoning_content: 'word ' } }] })}\n\n`,
  );
  // Each character stands for an event.
  const shape = (length: number) => '.'.repeat(length);
  expectNoFasterThanLength(shape, (text) => read(Array.from(text, () => event)));
});

test('an answer without end is ended, and counts as cut off', () => {
  const event = Buffer.from(
    `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: 'word '.repeat(1_000) } }] })}\n\n`,
  );
  const { text, finish, isWhole } = read(Array.from({ length: 100 }, () => event));
  expect({ length: text.length, finish, isWhole }).toEqual({
    length: 200_000,
    finish: 'length',
    isWhole: true,
  });
});
