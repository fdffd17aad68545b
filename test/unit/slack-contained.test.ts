import { describe, expect, test } from '@jest/globals';
import { contained } from '../../src/channels/slack/inbound/contained.ts';
import { withoutRepeats } from '../../src/channels/slack/inbound/without-repeats.ts';

describe('sequences of words that stand in a text', () => {
  const of = (text: string, ...sequences: string[]) =>
    contained(
      text.split(''),
      sequences.map((sequence) => sequence.split('')),
    );

  test.each([
    [
      'abcab',
      ['abc', 'cab', 'abcab', 'b', 'ba', 'abcabc', ''],
      [true, true, true, true, false, false, false],
    ],
    // One that ends within another, and one that is left in its middle.
    ['abcd', ['abcx', 'bc', 'cd', 'bcd', 'd'], [false, true, true, true, true]],
    ['aaab', ['aab', 'aaaa', 'ab', 'aab'], [true, false, true, true]],
    ['', ['a'], [false]],
  ])('of %s', (text, sequences, expected) => {
    expect(of(text, ...sequences)).toEqual(expected);
  });

  test('are those that a search for each finds', () => {
    // Every text and every sequence of two letters, up to these lengths.
    const words = (length: number): string[] =>
      Array.from({ length: 2 ** length }, (_, i) => i.toString(2).padStart(length, '0'));
    const sequences = [1, 2, 3, 4].flatMap(words);
    for (const text of words(9))
      expect(of(text, ...sequences)).toEqual(sequences.map((s) => text.includes(s)));
  });
});

describe('a text and the blocks beside it', () => {
  test.each([
    ['the same', 'Build *failed*: main', 'Build failed: main', 'Build *failed*: main'],
    [
      'some of the same',
      'Build failed. See main.',
      'build failed.\nBy Ada',
      'Build failed. See main.\nBy Ada',
    ],
    ['part of a word', 'The builders', 'build', 'The builders\nbuild'],
    ['more than 200 new lines, and one of the text', 'x1 x2', lines(300), `x1 x2\n${lines(300, 3)}`],
  ])('%s', (_what, text, blocks, expected) => {
    expect(withoutRepeats(text, blocks)).toBe(expected);
  });
});

function lines(count: number, from = 1): string {
  return Array.from({ length: count - from + 1 }, (_, i) => `x${i + from}`).join('\n');
}
