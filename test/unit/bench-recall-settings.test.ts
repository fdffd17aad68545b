import { expect, test } from '@jest/globals';
import { readSettings } from '../../bench/recall/settings.ts';

test('settings are read as the API takes them', () => {
  expect(readSettings('{"threshold":0.3,"fillWords":0}')).toEqual({
    settings: { threshold: 0.3, fillWords: 0 },
  });
  expect(() => readSettings('{"treshold":0.3}')).toThrow(/treshold/);
});

test('topK does not count, and the bench says so', () => {
  const { settings, note } = readSettings('{"topK":5,"fillWords":0}');
  expect(settings).toEqual({ fillWords: 0 });
  expect(note).toContain('topK 5 does not count');
});
