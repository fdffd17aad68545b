/**
 * A reply has so much of the parser's time. What would take more is plain text, and what people and models
 * write never is.
 */
import { describe, expect, test } from '@jest/globals';
import { contentsOf } from '../../src/channels/slack/outbound/outbound-text.ts';
import { growingText } from '../../src/channels/slack/outbound/growing-text.ts';
import { readBlocks } from '../../src/channels/slack/outbound/reply-blocks.ts';
import { firstParts, splitReply } from '../../src/channels/slack/outbound/reply-parts.ts';
import { blockTree, markdownTree } from '../../src/lib/markdown-tree.ts';
import { costMs } from '../support/growth.ts';
import { filled } from '../support/hostile-texts.ts';

const lines = (count: number, line: (at: number) => string) =>
  Array.from({ length: count }, (_, at) => line(at)).join('\n');

const LAZY: Array<[string, string]> = [
  ['a quote', '> a\n'],
  ['an item', '- a\n'],
  ['the second text of an item', '- a\n\n  b\n'],
  ['quotes in quotes', '> > > > a\n'],
  ['a footnote', '[^a\\]]: x\n'],
  ['code that an HTML comment hides', '<!--\n```\n-->\n\n> b\n'],
];

describe('thousands of lines that go on without the marks of', () => {
  test.each(LAZY)('%s: plain text', (_name, beginning) => {
    for (const line of ['a\n', '\u00a0\n']) {
      const reply = beginning + line.repeat(3_000);
      expect(blockTree(reply, { left: 160_000 })).toBeUndefined();
      expect(markdownTree(reply.slice(0, 3_500))).toBeUndefined();
    }
  });
});

test.each(['*a_', '_a*', '*a', 'a~~b*', '*a_\n', '\\*', ']', '\\```\n', 'a <!--', 'www.a_', '&a;'])(
  'thousands of %j: plain text',
  (marks) => {
    expect(markdownTree(filled(marks, 3_500))).toBeUndefined();
  },
);

test('code that HTML hides is read as text', () => {
  expect(markdownTree(`<!--\n\`\`\`\n-->\n\na ${filled(']', 3_000)}`)).toBeUndefined();
});

test('brackets are counted over lines that only look blank', () => {
  expect(markdownTree('[\u00a0\n\u00a0\n'.repeat(40))).toBeUndefined();
});

test.each(['a\n', '- a\n', '> a\n\n', '|a|b|\n', '> - 1. a\n'])(
  '40,000 characters of %j: read as markdown as far as the allowance goes',
  (unit) => {
    const allowance = { left: 320_000 };
    const blocks = [...readBlocks(filled(unit, 40_000), allowance)];
    expect(blocks.map(({ kind }) => kind)).toContain('plain');
    expect(allowance.left).toBeGreaterThanOrEqual(0);
    expect(
      blocks
        .flatMap((block) => block.lines)
        .join('')
        .replace(/[^a]/g, ''),
    ).toBe(filled(unit, 40_000).replace(/[^a]/g, ''));
  },
);

/** A few times what it takes: only what is slow twice, and by far, is too slow. */
const MOST_MS = 1_500;

test.each(['b\n', '*a_', 'www.', `http://a${'.'.repeat(3_400)}b `])(
  'a quote and 40,000 characters of %j: laid out at once',
  (unit) => {
    const reply = `> a\n${filled(unit, 40_000)}`;
    const measure = () => costMs(() => splitReply(reply)) + costMs(() => contentsOf(growingText(reply).text));
    const first = measure();
    expect(first < MOST_MS ? first : Math.min(first, measure())).toBeLessThan(MOST_MS);
  },
);

const LONG: Array<[string, string]> = [
  ['prose', filled('Words **bold** and *thin*, `code`, snake_case and [a link](https://e.com). ', 39_000)],
  ['lines of prose', filled('This is **bold** text with `code` and snake_case words.\n', 39_000)],
  ['a list', lines(900, (at) => `${at + 1}. item with some **bold** words`)],
  ['a list of words', lines(1_800, (at) => `- word ${at}`)],
  [
    'lists in lists',
    lines(300, (at) => `- item ${at}\n  - one *thing* in it\n    - another\n\n      and more`),
  ],
  ['a table', `| a | b |\n|---|---|\n${lines(1_000, (at) => `| row ${at} | and \`others\` |`)}`],
  ['a quote', lines(500, (at) => `> line ${at} of what somebody wrote`)],
  ['a quote that goes on', `> ${lines(400, (at) => `line ${at} of what somebody wrote`)}`],
  ['code', `\`\`\`js\n${lines(2_000, (at) => `f(${at}) || g;`)}\n\`\`\``],
  ['code below a list', `- a\n- b\n\n\`\`\`json\n${lines(1_000, (at) => `  "${at}": [],`)}\n\`\`\``],
  [
    'code in a list',
    `1. Do:\n   \`\`\`yaml\n${lines(600, (at) => `   - name: ${at}\n     at: 1`)}\n   \`\`\``,
  ],
];

test.each(LONG)('%s, as long as replies become, is read as markdown', (_name, reply) => {
  const kinds = [...readBlocks(reply, { left: 80_000 + 6 * reply.length })].map(({ kind }) => kind);
  expect(kinds).not.toContain('plain');
});

const DENSE: Array<[string, string]> = [
  ...LONG.map(([name, text]): [string, string] => [name, text.slice(0, 3_500)]),
  ['a table of bold words', `|a|b|c|\n|-|-|-|\n${lines(100, () => '|**a**|**b**|**c**|')}`],
  ['terms', lines(250, (at) => `- **t${at}**: x`)],
  ['a matrix in code', `- Here:\n  \`\`\`\n${lines(280, () => '  [1,2],[3,&a],')}\n  \`\`\``],
  ['tasks', lines(200, (at) => `- [x] task no. ${at}`)],
  ['links', lines(60, (at) => `- [page ${at}](https://example.com/a/page/${at}): \`code\` and more`)],
  ['names', filled('snake_case_names ', 3_500)],
];

test.each(DENSE)('a message of %s is formatted', (_name, text) => {
  expect(markdownTree(text)).toBeDefined();
});

const BLANK = `${'\n'.repeat(9_000)}word ${'\n'.repeat(9_000)}${filled('a ', 9_000)}`;
const BEGUN: Array<[string, string]> = [...LONG.slice(-3), ['blank lines', BLANK]];

test.each(BEGUN)('the first messages of %s are those of the whole reply', (_name, reply) => {
  expect(firstParts(reply, 2)).toEqual(splitReply(reply).slice(0, 2));
});

test('the tree of blocks leaves links alone, however they are written', () => {
  const [paragraph] = blockTree('See www.a.b and https://c.d and [e](f).')?.children ?? [];
  expect(paragraph).toMatchObject({ type: 'paragraph', children: [{ type: 'text' }] });
});

test.each(['http://a.b/', 'http://a', 'www.a'])('marks behind the bare link %s are weighed', (link) => {
  for (const mark of '!.)*_:') {
    expect(markdownTree(`${link}${mark.repeat(3_400)}x`)).toBeUndefined();
    expect(markdownTree(`See ${link}${mark.repeat(40)} and go on.`)).toBeDefined();
  }
});
