import { expect, test } from '@jest/globals';
import { readSettings } from '../../bench/recall/options.ts';

test('settings are parsed as the API accepts them', () => {
  expect(readSettings('{"threshold":0.3,"fillWords":0}')).toEqual({
    settings: { threshold: 0.3, fillWords: 0 },
  });
  expect(() => readSettings('{"treshold":0.3}')).toThrow(/treshold/);
});

test('topK is ignored, with a note', () => {
  const { settings, note } = readSettings('{"topK":5,"fillWords":0}');
  expect(settings).toEqual({ fillWords: 0 });
  expect(note).toContain('topK 5 is ignored');
});
