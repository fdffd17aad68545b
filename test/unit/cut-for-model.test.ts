import { expect, test } from '@jest/globals';
import { cutForModel } from '../../src/memory/embedding/cut-for-model.ts';

test.each([
  ['an ordinary text', 'My dog is called Rex.', 'My dog is called Rex.'],
  ['white space of any kind is one space', 'My\n\n dog\u3000is', 'My dog is'],
  ['letters with marks are letters and marks', 'é각', 'e\u0301\u1100\u1161\u11a8'],
])('%s', (_, text, expected) => {
  expect(cutForModel(text)).toBe(expected);
});

/* What counts is what the tokenizer gets: its time grows with the letters, not with the syllables. */
test.each([
  ['Hangul that decomposes', `${'각'.repeat(33)} `.repeat(1_000)],
  ['marks upon marks', `a${'\u0301\u0323'.repeat(40)} `.repeat(400)],
  ['ligatures that stay', 'ﷺ'.repeat(32_000)],
  ['ideographs', '漢字仮名'.repeat(8_000)],
  ['one endless word', 'x'.repeat(32_000)],
  ['emoji', '👩‍👩‍👧‍👦'.repeat(3_000)],
])('no more than 4,000 letters of %s', (_, text) => {
  expect(cutForModel(text)).toHaveLength(4_000);
});

test('what comes after endless white space is read', () => {
  expect(cutForModel(`${' \n'.repeat(16_000)}My dog is called Rex.`)).toBe(' My dog is called Rex.');
});
