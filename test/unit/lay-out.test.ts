/** A reply is cut in one way, whoever of its attempts has time to read it. */
import { describe, expect, test } from '@jest/globals';
import {
  cutAsBefore,
  messagesOf,
  plainFirstOf,
  plainMessagesOf,
} from '../../src/channels/slack/outbound/lay-out.ts';

const text = Array.from({ length: 200 }, (_, i) => `- **${i}**: a line of a long list, and some more of it`)
  .join('\n')
  .concat('\n\n```\n', 'x = 1\n'.repeat(300), '```\n');
const [read, unread] = [messagesOf(text), plainMessagesOf(text)];

test('unread, it loses nothing, and its messages behind the first are others', () => {
  expect(unread.map(({ markdown }) => markdown).join('')).toBe(text);
  expect(unread.map(({ contents }) => contents.length)).toEqual(unread.map(() => 1));
  expect(read.length).toBeGreaterThan(2);
  const numbers = [read, unread].map((messages) => messages.map(({ part }) => part));
  expect(numbers.map(([first]) => first)).toEqual([0, 0]);
  expect(new Set(numbers.flat()).size).toBe(read.length + unread.length - 1);
});

test('unread, its first message is the same', () => {
  expect(plainFirstOf(text)).toEqual({
    contents: unread[0]?.contents,
    hasMore: true,
    isGivenUp: true,
  });
});

describe('where an attempt before', () => {
  const [stoodRead = 0, stoodUnread = 0] = [read[1]?.part, unread[1]?.part];

  test.each([
    ['has posted nothing', [], read, read],
    ['has posted the first alone', [0], unread, unread],
    ['has read it, so has this one', [0, stoodRead], read, read],
    ['has not, nor has this one', [stoodUnread, 0], unread, unread],
    ['has not, what this one has read is left', [0, stoodUnread], read, unread],
    ['has, this one can’t go on', [0, stoodRead], unread, undefined],
  ])('%s', (_, standing, laidOut, expected) => {
    expect(cutAsBefore({ text, laidOut }, standing)).toEqual(expected);
  });
});
