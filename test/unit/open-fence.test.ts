/** Where a reply breaks off, its code is closed: the line scanner against the parser and the clock. */
import { describe, expect, test } from '@jest/globals';
import { closingOf } from '../../src/lib/open-fence.ts';
import { blockTree, childrenOf, type MarkdownNode } from '../../src/lib/markdown-tree.ts';
import { costMs } from '../support/growth.ts';

/** Numbers from 0 to 1 that are the same in each run. */
function random(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 16_807) % 2_147_483_647) / 2_147_483_647;
}

const BEFORE = [
  '',
  '',
  '',
  '> ',
  '>',
  ' > ',
  '  ',
  '   ',
  '    ',
  '- ',
  '1. ',
  '2. ',
  '10. ',
  '[^a]: ',
  '\t',
];
const WORDS = ['abc', '', '', '```', '```js', '````', '~~~', '~~~~ x', '- - -', '# h', 'a ``` b', '|a|b|'];

function codeIn(node: MarkdownNode): string[] {
  return node.type === 'code' ? [node.value] : childrenOf(node).flatMap(codeIn);
}

test('a line after the closing stands outside of code, which is as it was, in random nests', () => {
  const next = random(7);
  const pick = (from: readonly string[]) => from[Math.floor(next() * from.length)] ?? '';
  const lineOf = () => pick(BEFORE) + (next() < 0.5 ? pick(BEFORE) : '') + pick(WORDS);
  let wrong = 0;
  for (let round = 0; round < 2_000; round += 1) {
    const text = Array.from({ length: 1 + Math.floor(next() * 7) }, lineOf)
      .join('\n')
      .trimEnd();
    const closed = blockTree(`${text}${closingOf(text)}\n\nEND`);
    const before = blockTree(text);
    if (!closed || !before) throw new Error(`not read: ${text}`);
    const last = closed.children.at(-1);
    const isOutside = last?.type === 'paragraph';
    if (!isOutside || String(codeIn(closed)) !== String(codeIn(before))) wrong += 1;
  }
  // The parser takes the code before a list for text that the list would interrupt.
  expect(wrong).toBeLessThanOrEqual(6);
});

test.each([
  ['```\na\n> ```', '\n```'],
  ['```\na\n    ```', '\n```'],
  ['> ```\n> a\nb', ''],
  ['- ```\n  a\n\n  b', '\n  ```'],
  ['2. a\n\n   > ~~~~\n   > b', '\n   > ~~~~'],
  ['- a\n\t```\n\tb', '\n  ```'],
  ['[^a]: ```\n    b', '\n    ```'],
  ['>10. ```', '\n>     ```'],
  ['`'.repeat(3_000), ''],
  ['```\r\na\r\n```\r\n', ''],
])('%j: %j', (text, closing) => expect(closingOf(text)).toBe(closing));

const fill = (unit: string) => unit.repeat(200_000 / unit.length);

describe('200,000 characters cost milliseconds', () => {
  test.each([
    '|a\n',
    '[^a]:',
    '> ',
    '- ',
    '- \n',
    '>\n',
    '\n',
    '```\n',
    '* * ',
    '\t',
    ' ',
    '[^',
    '1. - > ',
    'a',
  ])('of %j', (unit) => {
    const text = `- - - - - - - - - - - - - - - - - - - - - - a\n${fill(unit)}`;
    expect(costMs(() => closingOf(text))).toBeLessThan(400);
  });
});
