import { expect, test } from '@jest/globals';
import { hasAtMost } from '../../src/lib/characters.ts';

test.each(['', 'abc', '😀😀', 'a😀b', '\ud83d', '\ude00', '\ude00\ud83d', '\ud83d\ud83d\ude00\ude00', 'é'])(
  'characters of %j are counted as a list of them would be',
  (text) => {
    const { length } = Array.from(text);
    for (let max = 0; max < 6; max += 1) expect([max, hasAtMost(max, text)]).toEqual([max, length <= max]);
  },
);
