import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createThoughtFilter } from '../../../src/llm/thought-filter.ts';

const filtered = (pieces: readonly string[]) => {
  const filter = createThoughtFilter();
  const shown: string[] = [];
  for (const piece of pieces) {
    filter.push(piece);
    shown.push(filter.shown());
  }
  return { ...filter.end(), shown };
};

/** Tags, quotes, code and words, in any order. */
const PARTS = [
  '<think>',
  '</think>',
  '<thinking a="1">',
  '</thinking>',
  '◁think▷',
  '◁/think▷',
  '[THINK]',
  '[/THINK]',
  '`',
  '"',
  '```\n',
  '\n',
  'Okay, so ',
  'word ',
  '<',
  '[',
  'a < b',
  '<|channel|>analysis<|message|>',
  '<|end|>',
  '<|channel|>final<|message|>',
  'é',
  '𝄞',
  '“',
  '”',
];
const text = fc.array(fc.constantFrom(...PARTS), { maxLength: 30 }).map((parts) => parts.join(''));

test('any chunking of a text gives the same answer', () => {
  fc.assert(
    fc.property(text, fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 300 }), (whole, sizes) => {
      const pieces: string[] = [];
      let at = 0;
      for (const size of sizes) {
        pieces.push(whole.slice(at, at + size));
        at += size;
      }
      pieces.push(whole.slice(at));
      const { shown: _, ...inPieces } = filtered(pieces);
      const { shown: __, ...atOnce } = filtered([whole]);
      expect(inPieces).toEqual(atOnce);
    }),
    { numRuns: 2_000 },
  );
});

test('a thought between tags is never shown while it comes in', () => {
  fc.assert(
    fc.property(
      fc.stringMatching(/^[a-z ]{0,60}$/),
      fc.stringMatching(/^[A-Z]{30,60}$/),
      (thought, answer) => {
        const { shown, text: final } = filtered([...`<think>${thought}</think>\n${answer}`]);
        expect(final).toBe(answer);
        for (const one of shown) expect(answer.startsWith(one)).toBe(true);
      },
    ),
  );
});

test.each([
  ['quoted closing tags in code', `\`\`\`\n${'</think>'.repeat(100_000)}`],
  ['empty thoughts', '<think></think>'.repeat(60_000)],
  ['quoted closing tags in a thought', `<think>${'`</think>`'.repeat(60_000)}`],
  ['beginnings of tags', '<'.repeat(500_000)],
  ['long words', 'a'.repeat(1_000_000)],
])('%s: takes linear time, at once and in small pieces', (_, long) => {
  const started = performance.now();
  filtered([long]);
  const filter = createThoughtFilter();
  for (let at = 0; at < long.length; at += 4) filter.push(long.slice(at, at + 4));
  filter.end();
  // Quadratic work on a million characters would take minutes.
  expect(performance.now() - started).toBeLessThan(8_000);
});
