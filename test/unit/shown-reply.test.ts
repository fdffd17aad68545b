import { expect, test } from '@jest/globals';
import { shownReply } from '../../src/domain/shown-reply.ts';
import { CUT_OFF } from '../../src/domain/words.ts';

test('a whole reply is shown as it is', () => {
  expect(shownReply({ text: 'Rex.\n' })).toBe('Rex.\n');
});

test('a reply that is cut off says so in a line of its own, outside of code', () => {
  expect(shownReply({ text: 'Rex is', cutOff: true })).toBe(`Rex is\n\n${CUT_OFF}`);
  expect(shownReply({ text: '```js\nconst a', cutOff: true })).toBe(
    `\`\`\`js\nconst a\n\`\`\`\n\n${CUT_OFF}`,
  );
  expect(shownReply({ text: '```\na\n```\nSo', cutOff: true })).toBe(`\`\`\`\na\n\`\`\`\nSo\n\n${CUT_OFF}`);
});
