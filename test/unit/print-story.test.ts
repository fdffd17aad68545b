/** What an operator's terminal gets of what people and models wrote. */
import { expect, test } from '@jest/globals';
import { forTerminal, section } from '../../cli/replay/print-story.ts';

test.each([
  ['the clipboard', '\u001B]52;c;Y3VybA==\u0007', '\\x1b]52;c;Y3VybA==\\x07'],
  ['the screen', '\u001B[2J', '\\x1b[2J'],
  ['hidden text', '\u001B[8msecret', '\\x1b[8msecret'],
  ['a line written over', 'all well\rgone', 'all well\\x0dgone'],
  ['the eight-bit forms', '\u009B2J', '\\x9b2J'],
])('a text that would change %s is shown, not obeyed', (_what, text, shown) => {
  expect(forTerminal(text)).toBe(shown);
});

test('headings keep their style, and lines their breaks', () => {
  const printed = section('Reply', ['one\n\ttwo']);
  expect(forTerminal(printed)).toBe(printed);
});
