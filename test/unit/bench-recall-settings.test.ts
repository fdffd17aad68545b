import { expect, test } from '@jest/globals';
import { readSettings } from '../../bench/recall/options.ts';

test('settings are parsed as the API accepts them', () => {
  expect(readSettings('{"threshold":0.3,"fillWords":0}')).toEqual({ threshold: 0.3, fillWords: 0 });
  expect(() => readSettings('{"treshold":0.3}')).toThrow(/treshold/);
});
