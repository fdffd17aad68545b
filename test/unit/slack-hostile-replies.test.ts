/**
 * Replies made to be poison: work that grows faster than the reply would hold a worker up. What is counted is
 * the characters that the parser is given and the messages that come out, not the time.
 */
import { describe, expect, test } from '@jest/globals';
import { growingText } from '../../src/channels/slack/outbound/growing-text.ts';
import { closeOpenFence } from '../../src/lib/open-fence.ts';
import { markdownTree } from '../../src/lib/markdown-tree.ts';
import { contentsOf } from '../../src/channels/slack/outbound/outbound-text.ts';
import { splitReply } from '../../src/channels/slack/outbound/reply-parts.ts';
import { SHORTENED } from '../../src/domain/words.ts';

const fill = (unit: string, length: number) =>
  unit === '' ? '' : unit.repeat(Math.ceil(length / unit.length)).slice(0, length);
/** Numbers from 0 to 1 that are the same in each run. */
function random(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 16_807) % 2_147_483_647) / 2_147_483_647;
}

const SHAPES: Record<string, (length: number) => string> = {
  quotes: (length) => fill('>', length),
  'quotes and lists': (length) => fill('> - ', length),
  brackets: (length) => fill('[', length),
  'nested images': (length) => fill('![', length / 2) + fill('](a)', length / 2),
  'emphasis runs': (length) => fill('**a_b ', length),
  'emphasis in emphasis': (length) => fill('*a **b ', length / 2) + fill('** *', length / 2),
  backticks: (length) => fill('`a', length),
  pipes: (length) => fill('|', length),
  // A table pattern of our own took the square of its length.
  'a pipe after spaces': (length) => `a|b\n${fill(' ', length)}|x`,
  tables: (length) => fill('|a|\n|-|\n\n', length),
  'table rows': (length) => `|a|\n|-|\n${fill('|x|\n', length)}`,
  links: (length) => fill('[a](', length),
  entities: (length) => fill('&amp;', length),
  'list markers': (length) => fill('1. ', length),
  'list items': (length) => fill('- a\n', length),
  'html comments': (length) => fill('<!-- ', length),
  'underlined lines': (length) => fill('a\n=\n', length),
  'lines after a deep quote': (length) => fill('> ', 18) + fill('a\n', length),
  'lines after a quote': (length) => `> a\n${fill('a\n', length)}`,
  'emphasis that never ends': (length) => fill('*a_', length),
  'emphasis that never begins': (length) => fill('_a*', length),
  'rows without a table': (length) => fill('|a|b|\n', length),
  'bare links that are none': (length) => `${fill('www.', length - 1)}_`,
  'a bare link of dots': (length) => fill('www.', length / 5) + fill('.', (4 * length) / 5),
  'a bare link before marks': (length) => `http://a.b/${fill('!', length - 12)}x`,
  'bare links before dots': (length) => fill(`http://a${'.'.repeat(3_400)}b and `, length),
  'bare addresses': (length) => fill('éhttp://a.', length),
  'one long line': (length) => fill('a', length),
  'open fences': (length) => fill('```\n', length),
  definitions: (length) => fill('[a]: b\n', length),
  mentions: (length) => fill('<!here> ', length),
  'a footnote of backslashes': (length) => `[^${fill('\\', length)}`,
  footnotes: (length) => fill('[^a]:', length),
  'footnotes, spaced': (length) => fill('[^a]: ', length),
  'footnotes in quotes in lists': (length) => fill('[^a]: > - 1. ', length),
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
      expect(growingText(shape(length)).length).toBeLessThanOrEqual(3_600);
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

test('no markdown whatever ends a reply, and what is shown of it is bounded', () => {
  const next = random(19);
  const pick = (from: readonly string[]) => from[Math.floor(next() * from.length)] ?? '';
  for (let round = 0; round < 60; round += 1) {
    // A nest of one to three marks, opened and perhaps closed, on one line or on many.
    const marks = Array.from({ length: 1 + Math.floor(next() * 3) }, () => pick(NESTING)).join('');
    const nest = fill(marks, 3_000 + Math.floor(next() * 15_000));
    const reply = `${pick(['', 'Look:\n', '```\n', '> '])}${nest}${fill(pick(CLOSING), 4_000 * next())}`;
    const texts = splitReply(reply).flatMap((part) => contentsOf(part).slice(-1));
    expect(texts.length).toBeLessThan(80);
    expect(growingText(reply).length).toBeLessThanOrEqual(3_600);
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
