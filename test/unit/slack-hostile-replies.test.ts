/**
 * Replies made to be poison: work that grows faster than the reply would hold a worker up. What is counted is
 * the characters that the parser is given and the messages that come out, not the time.
 */
import { describe, expect, test } from '@jest/globals';
import { growingText } from '../../src/channels/slack/outbound/growing-text.ts';
import { closeOpenFence } from '../../src/lib/open-fence.ts';
import { markdownTree } from '../../src/lib/markdown-tree.ts';
import { toMrkdwn } from '../../src/channels/slack/outbound/mrkdwn.ts';
import { contentsOf } from '../../src/channels/slack/outbound/outbound-text.ts';
import { splitReply } from '../../src/channels/slack/outbound/reply-parts.ts';
import { SHORTENED } from '../../src/domain/words.ts';
import { filled } from '../support/hostile-texts.ts';

/** Numbers from 0 to 1 that are the same in each run. */
function random(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 16_807) % 2_147_483_647) / 2_147_483_647;
}

const SHAPES: Record<string, (length: number) => string> = {
  quotes: (length) => filled('>', length),
  'quotes and lists': (length) => filled('> - ', length),
  brackets: (length) => filled('[', length),
  'nested images': (length) => filled('![', length / 2) + filled('](a)', length / 2),
  'emphasis runs': (length) => filled('**a_b ', length),
  'emphasis in emphasis': (length) => filled('*a **b ', length / 2) + filled('** *', length / 2),
  backticks: (length) => filled('`a', length),
  pipes: (length) => filled('|', length),
  // A table pattern of our own took the square of its length.
  'a pipe after spaces': (length) => `a|b\n${filled(' ', length)}|x`,
  tables: (length) => filled('|a|\n|-|\n\n', length),
  'table rows': (length) => `|a|\n|-|\n${filled('|x|\n', length)}`,
  links: (length) => filled('[a](', length),
  entities: (length) => filled('&amp;', length),
  'list markers': (length) => filled('1. ', length),
  'list items': (length) => filled('- a\n', length),
  'html comments': (length) => filled('<!-- ', length),
  'underlined lines': (length) => filled('a\n=\n', length),
  'lines after a deep quote': (length) => filled('> ', 18) + filled('a\n', length),
  'lines after a quote': (length) => `> a\n${filled('a\n', length)}`,
  'emphasis that never ends': (length) => filled('*a_', length),
  'emphasis that never begins': (length) => filled('_a*', length),
  'rows without a table': (length) => filled('|a|b|\n', length),
  'bare links that are none': (length) => `${filled('www.', length - 1)}_`,
  'a bare link of dots': (length) => filled('www.', length / 5) + filled('.', (4 * length) / 5),
  'a bare link before marks': (length) => `http://a.b/${filled('!', length - 12)}x`,
  'bare links before dots': (length) => filled(`http://a${'.'.repeat(3_400)}b and `, length),
  'bare addresses': (length) => filled('éhttp://a.', length),
  'one long line': (length) => filled('a', length),
  'open fences': (length) => filled('```\n', length),
  definitions: (length) => filled('[a]: b\n', length),
  mentions: (length) => filled('<!here> ', length),
  'a footnote of backslashes': (length) => `[^${filled('\\', length)}`,
  footnotes: (length) => filled('[^a]:', length),
  'footnotes, spaced': (length) => filled('[^a]: ', length),
  'footnotes in quotes in lists': (length) => filled('[^a]: > - 1. ', length),
};

describe('a reply made of', () => {
  test.each(Object.entries(SHAPES))('%s: the messages grow with it, no faster', (_name, shape) => {
    const counts = [4_000, 8_000, 16_000, 32_000].map((length) => {
      const parts = splitReply(shape(length));
      for (const part of parts) {
        // Each goes to the parser by itself, so what that takes is bounded.
        expect(part.length).toBeLessThanOrEqual(3_500);
        for (const { text, blocks } of contentsOf(part)) {
          expect(text.length).toBeLessThanOrEqual(4_000);
          expect(blocks?.[0].text.length ?? 0).toBeLessThanOrEqual(12_000);
        }
      }
      expect(growingText(shape(length)).text.length).toBeLessThanOrEqual(3_600);
      return parts.length;
    });
    for (const [at, count] of counts.entries())
      expect(count).toBeLessThanOrEqual(2.5 * 2 ** at * (counts[0] ?? 1));
  });

  test('3,000 quote marks: plain text, since no parser is asked', () => {
    const reply = '>'.repeat(3_000);
    expect(markdownTree(reply)).toBeUndefined();
    expect(
      splitReply(reply)
        .flatMap(contentsOf)
        .every(({ blocks }) => blocks === undefined),
    ).toBe(true);
    expect(closeOpenFence(reply)).toBe(reply);
  });
});

test.each(['[a] ', '![a] ', '- [a]\n', '> [a]\n\n', '*[a]* ', '1. > [a]\n'])(
  'what is referred to over and over by %j ends where nothing more is shown',
  (reference) => {
    // Signs that are nine times as long where they are shown.
    const reply = `${filled(reference, 1_700)}\n\n[a]: http://${filled('\u3000', 1_500)}`;
    const tree = markdownTree(reply);
    const shown = tree && toMrkdwn(tree, reply);
    expect(shown?.length).toBeGreaterThan(4_000);
    expect(shown?.length).toBeLessThan(4_000 + 9 * 1_500 + 1_000);
  },
);

test('no markdown whatever ends a reply, and what is shown of it is bounded', () => {
  const next = random(19);
  const pick = (from: readonly string[]) => from[Math.floor(next() * from.length)] ?? '';
  for (let round = 0; round < 60; round += 1) {
    // A nest of one to three marks, opened and perhaps closed, on one line or on many.
    const marks = Array.from({ length: 1 + Math.floor(next() * 3) }, () => pick(NESTING)).join('');
    const nest = filled(marks, 3_000 + Math.floor(next() * 15_000));
    const reply = `${pick(['', 'Look:\n', '```\n', '> '])}${nest}${filled(pick(CLOSING), 4_000 * next())}`;
    const texts = splitReply(reply).flatMap((part) => contentsOf(part).slice(-1));
    expect(texts.length).toBeLessThan(80);
    expect(growingText(reply).text.length).toBeLessThanOrEqual(3_600);
    expect(typeof closeOpenFence(reply)).toBe('string');
  }
});

const NESTING = [
  ...['>', '> ', '- ', '* ', '1. ', '10) ', '[^a]:', '[^a]: ', '[^b\\]]: ', '\t', '  ', '\n', 'a'],
  ...['*a ', '**a ', '_a', '~~a ', '*a **b ', '[', '![', '[a](', '![a][', '[^a', '`', '![`]`', '![\\]', '|'],
  ...[
    '<a ',
    '<div>',
    '<!--',
    '&lt',
    'http://a.b/(',
    'a@b.c',
    '\\',
    '# ',
    '```\n',
    '~~~ ',
    '[a]: b\n',
    '|-|\n',
  ],
];
const CLOSING = ['', '](a)', ']', '*', '** *', '~~', '`', '>', ')', '\n```', '|\n'];

test('what ten people would write is not too deep', () => {
  expect(markdownTree('> > - a\n>   > 1. b\n      - c [[x]] [y][z]')).toBeDefined();
});

test('a reply that runs away is shortened, visibly', () => {
  const parts = splitReply('word '.repeat(30_000));
  expect(parts.length).toBeLessThan(15);
  expect(parts.at(-1)?.endsWith(SHORTENED)).toBe(true);
});
