/**
 * Replies made to be poison: work that grows faster than the reply would hold a worker up. What is counted is
 * the characters that the parser is given and the messages that come out, not the time.
 */
import { describe, expect, test } from '@jest/globals';
import { growingText } from '../../src/channels/slack/outbound/growing-text.ts';
import { closeOpenFence } from '../../src/lib/open-fence.ts';
import { isTooDeep } from '../../src/lib/markdown-tree.ts';
import { contentsOf } from '../../src/channels/slack/outbound/outbound-text.ts';
import { splitReply } from '../../src/channels/slack/outbound/reply-parts.ts';
import { SHORTENED } from '../../src/domain/words.ts';

const fill = (unit: string, length: number) => unit.repeat(Math.ceil(length / unit.length)).slice(0, length);
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
  'one long line': (length) => fill('a', length),
  'open fences': (length) => fill('```\n', length),
  definitions: (length) => fill('[a]: b\n', length),
  mentions: (length) => fill('<!here> ', length),
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
    expect(isTooDeep(reply)).toBe(true);
    expect(
      splitReply(reply)
        .flatMap(contentsOf)
        .every(({ blocks }) => blocks === undefined),
    ).toBe(true);
    expect(closeOpenFence(reply)).toBe(reply);
  });
});

test('what ten people would write is not too deep', () => {
  expect(isTooDeep('> > - a\n>   > 1. b\n      - c [[x]] [y][z]')).toBe(false);
});

test('a reply that runs away is shortened, visibly', () => {
  const parts = splitReply('word '.repeat(30_000));
  expect(parts.length).toBeLessThan(15);
  expect(parts.at(-1)?.endsWith(SHORTENED)).toBe(true);
});
