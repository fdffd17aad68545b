/** Whatever a reply is made of, its messages tell what it tells: nothing more, nothing less. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { splitReply } from '../../src/channels/slack/outbound/reply-parts.ts';
import { childrenOf, markdownTree, type MarkdownNode } from '../../src/lib/markdown-tree.ts';
import { escapedLength } from '../../src/channels/slack/outbound/plain-text.ts';
import { markdownContent } from '../support/markdown-content.ts';

const LIMIT = 300;

const WORDS = [
  ...[
    'plain',
    'Ünïcode',
    '日本語',
    '👩‍👩‍👧',
    'snake_case',
    '2*3',
    'a~b',
    'it’s',
    '&amp;',
    '&nbsp;x',
    '1.',
    '-',
    '#no',
    '>x',
  ],
  ...[
    '`code span`',
    '``a ` b``',
    '[a link](https://e.com/a_b?c=1)',
    '**bold words**',
    '_thin words_',
    '~~gone~~',
  ],
  ...['https://e.com/x_y_z', '![a picture](https://e.com/p.png)', ':smile:', '$x^2$', '<b>html</b>', 'a\\*b'],
];
const prose = fc
  .array(fc.constantFrom(...WORDS), { minLength: 1, maxLength: 60 })
  .map((words) => `word ${words.join(' ')}`);
const paragraph = fc.array(prose, { minLength: 1, maxLength: 3 }).map((lines) => lines.join('\n'));
const codeLine = fc.constantFrom(
  ...[
    'let a = 1;',
    '    indented',
    '',
    '| not | a table |',
    '- no list',
    '> no quote',
    'Map<@NotNull String> m;',
  ],
  ...['\ttab', 'x'.repeat(350), '# no heading', 'end'],
);
const codeBlock = fc
  .tuple(
    fc.constantFrom('```', '~~~', '````'),
    fc.constantFrom('', 'ts', 'java x=1'),
    fc.array(codeLine, { maxLength: 25 }),
  )
  .map(([fence, info, lines]) => [fence + info, ...lines, fence].join('\n'));
const indented = fc
  .array(fc.constantFrom('one();', 'two();', '  three();'), { minLength: 1, maxLength: 30 })
  .map((lines) => lines.map((line) => `    ${line}`).join('\n'));
const table = fc
  .array(fc.tuple(fc.nat(999), fc.constantFrom('x', '`y`', '**z**', '')), { minLength: 1, maxLength: 30 })
  .map((rows) => ['| HEAD | TOP |', '|---|:-:|', ...rows.map(([n, x]) => `| ${n} | ${x} |`)].join('\n'));
const other = fc.constantFrom(
  '# Heading',
  '## Another *one*',
  '---',
  '<div>\nhtml\n</div>',
  '<!-- comment -->',
);
const leaf = fc.oneof(paragraph, codeBlock, table, other);
const indent = (text: string, first: string, others: string) =>
  text
    .split('\n')
    .map((line, at) => (at === 0 ? first : line === '' ? '' : others) + line)
    .join('\n');
const { block } = fc.letrec<{ block: string }>((tie) => ({
  block: fc.oneof(
    { depthSize: 'small', maxDepth: 3, withCrossShrink: true },
    leaf,
    fc
      .array(tie('block'), { minLength: 1, maxLength: 4 })
      .map((items) => items.map((item) => indent(item, '- ', '  ')).join('\n')),
    fc
      .array(tie('block'), { minLength: 1, maxLength: 4 })
      .map((items) => items.map((item, at) => indent(item, `${at + 1}. `, '   ')).join('\n\n')),
    tie('block').map((inner) =>
      inner
        .split('\n')
        .map((line) => `> ${line}`)
        .join('\n'),
    ),
  ),
}));
const reply = fc
  .array(fc.oneof({ weight: 6, arbitrary: block }, { weight: 1, arbitrary: indented }), {
    minLength: 1,
    maxLength: 6,
  })
  .map((blocks) => blocks.join('\n\n'));

/**
 * A header is repeated in each message that goes on with its table. Emphasis that is longer than a message is
 * torn, and its marks are shown. A space of no width keeps a word from becoming a mark.
 */
const told = (markdown: string) =>
  markdownContent(markdown)
    .replaceAll('HEADTOP', '')
    .replace(/[*~_\u200b]/g, '');

/** All code in blocks, in order; a line that fits into no message is continued on the next. */
const code = (markdown: string) => {
  const read = (node: MarkdownNode): string =>
    node.type === 'code' ? node.value : childrenOf(node).map(read).join('');
  const tree = markdownTree(markdown);
  if (!tree) throw new Error('markdown that is not read');
  return read(tree).replaceAll('\n', '');
};

describe('splitReply', () => {
  test('tells what the reply tells, code byte for byte, in messages that are short enough', () => {
    fc.assert(
      fc.property(reply, (text) => {
        const parts = splitReply(text, LIMIT);
        for (const part of parts) expect(escapedLength(part)).toBeLessThanOrEqual(LIMIT);
        expect(parts.map(told).join('')).toBe(told(text));
        expect(parts.map(code).join('')).toBe(code(text));
      }),
      { numRuns: 40 },
    );
  }, 120_000);
});
