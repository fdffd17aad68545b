import { expect, test } from '@jest/globals';
import { shownReply } from '../../src/domain/shown-reply.ts';
import { childrenOf, markdownTree, type MarkdownNode } from '../../src/lib/markdown-tree.ts';
import { closingOf } from '../../src/lib/open-fence.ts';
import { CUT_OFF } from '../../src/domain/words.ts';

test('a whole reply is shown as it is', () => {
  expect(shownReply({ text: 'Rex.\n' })).toBe('Rex.\n');
});

test('a reply that is cut off says so in a line of its own, outside of code', () => {
  expect(shownReply({ text: 'Rex is', cutOff: true })).toBe(`Rex is\n\n${CUT_OFF}`);
  expect(shownReply({ text: '```js\nconst a', cutOff: true, closing: '\n```' })).toBe(
    `\`\`\`js\nconst a\n\`\`\`\n\n${CUT_OFF}`,
  );
});

/** The texts of the blocks of code in a Markdown text. */
function codeIn(node: MarkdownNode): string[] {
  return node.type === 'code' ? [node.value] : childrenOf(node).flatMap(codeIn);
}

test.each([
  ['```js\nconst a', ['const a']],
  ['~~~js\nconst a', ['const a']],
  ['````md\n```js\na\n```\nb', ['```js\na\n```\nb']],
  ['```\na\n```js', ['a\n```js']],
  ['```\na\n``', ['a\n``']],
  ['1. Do this:\n   ```js\n   const a', ['const a']],
  ['- Do:\n  - that:\n\n    ~~~\n    const a', ['const a']],
  ['> ```js\n> const a', ['const a']],
  ['```\na\n```\nSo', ['a']],
  ['````\n```\n````\nThen', ['```']],
  ['- ```\n  a\n\nSo', ['a']],
  ['Use ```` for', []],
  ['    indented', ['indented']],
  ['```js', ['']],
])('the line stands outside of code, and in no code is anything changed: %j', (text, code) => {
  const shown = shownReply({ text, cutOff: true, closing: closingOf(text) });
  expect(shown.startsWith(text)).toBe(true);
  expect(shown.endsWith(`\n\n${CUT_OFF}`)).toBe(true);
  const tree = markdownTree(shown);
  expect(tree && codeIn(tree)).toEqual(code);
});
