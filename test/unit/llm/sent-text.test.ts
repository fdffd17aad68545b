import { expect, test } from '@jest/globals';
import { contextLimitIn } from '../../../src/llm/context-limit.ts';
import { textsOf } from '../../../src/llm/problem.ts';
import { createIsSent } from '../../../src/llm/sent-text.ts';

const isSentIn = (content: string) => createIsSent([{ role: 'user', content }]);

test('of a long prompt no more is looked at than some ten times; the rest counts as sent', () => {
  const isSent = isSentIn('word '.repeat(80_000));
  const answers = Array.from({ length: 20 }, (_, i) => isSent(`absent${i}`));
  expect(answers.filter((one) => !one).length).toBeGreaterThanOrEqual(9);
  expect(answers.at(-1)).toBe(true);
  // What was looked for is known.
  expect(isSent('absent0')).toBe(false);
  expect(isSent('word')).toBe(true);
});

test('a phrase that stands within words alone is not looked for at each of its thousand places', () => {
  expect(isSentIn('context_window'.repeat(20_000))('context')).toBe(true);
  expect(isSentIn('context_window'.repeat(20))('context')).toBe(false);
});

test('of an error with many codes some are looked at', () => {
  const codes = Array.from({ length: 95 }, (_, i) => ({ code: `context_window_${i}` }));
  const read = textsOf({ error: codes });
  expect(read.codes.size).toBe(20);
  let asked = 0;
  const limit = contextLimitIn('', read.codes, 400, () => (asked += 1) > 0);
  expect(limit).toMatchObject({ echoed: true });
  expect(asked).toBe(5);
});
