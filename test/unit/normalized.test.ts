/** Normalising what strangers write: as Unicode has it for all writing, and in time for what is none. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { normalized } from '../../src/lib/normalized.ts';
import { expectNoFasterThanLength } from '../support/growth.ts';

test.each(['NFD', 'NFKC'] as const)('any writing is normalised as by JavaScript itself: %s', (form) => {
  for (const text of ['é각ﬁ', 'a\u0323\u0301', 'שָׁלוֹם', 'กำ', 'Tiếng Việt', '👩‍👩‍👧'])
    expect(normalized(text, form)).toBe(text.normalize(form));
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      expect(normalized(text, form)).toBe(text.normalize(form));
    }),
  );
});

test('of more marks than anybody writes upon a letter, thirty stay, and the next letter has its own', () => {
  expect(normalized(`a${'\u0301'.repeat(500)}e\u0301`, 'NFD')).toBe(`a${'\u0301'.repeat(30)}e\u0301`);
  const astral = '\u{1D167}';
  expect(normalized(`a${astral.repeat(40)}`, 'NFD')).toBe(`a${astral.repeat(30)}`);
});

test.each([
  ['marks of two kinds', (length: number) => `a${'\u0301\u0323'.repeat(length / 2)}`],
  ['letters with few marks', (length: number) => 'a\u0323\u0301'.repeat(length / 3)],
  ['letters with thirty', (length: number) => `a${'\u0301\u0323'.repeat(15)}`.repeat(length / 31)],
])('%s take no longer than their length', (_, shape) => {
  expectNoFasterThanLength(shape, (text) => normalized(text, 'NFKC'));
});
