import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { closeOpenFence } from '../../src/lib/open-fence.ts';
import { splitReply } from '../../src/channels/slack/outbound/reply-parts.ts';

const LIMIT = 200;
const fences = (part: string) => (part.match(/^```/gm) ?? []).length;

describe('splitReply', () => {
  test('leaves a short reply unchanged, whatever its content', () => {
    const reply = '\n```\nopen | fence\n';
    expect(splitReply(reply)).toEqual([reply]);
  });

  test('keeps a code block whole when it fits into a message', () => {
    const code = ['```js', ...Array.from({ length: 10 }, (_, i) => `line(${i});`), '```'].join('\n');
    const parts = splitReply(`${'word '.repeat(30)}\n\n${code}\n\nafter`, LIMIT);
    expect(parts.filter((part) => part.includes(code))).toHaveLength(1);
  });

  test('closes and reopens a code block that is too long, with its language', () => {
    const lines = Array.from({ length: 60 }, (_, i) => `line(${i});`);
    const parts = splitReply(['Look:', '```js', ...lines, '```', 'Done.'].join('\n'), LIMIT);
    for (const part of parts) expect(fences(part) % 2).toBe(0);
    for (const part of parts.filter((text) => text.includes('line('))) expect(part).toContain('```js\nline(');
    const found = parts.flatMap((part) => part.split('\n')).filter((line) => line.startsWith('line('));
    expect(found).toEqual(lines);
  });

  test('repeats the header of a table that is too long', () => {
    const rows = Array.from({ length: 40 }, (_, i) => `| ${i} | value ${i} |`);
    const parts = splitReply(['| n | v |', '|---|---|', ...rows].join('\n'), LIMIT);
    expect(parts.length).toBeGreaterThan(1);
    for (const part of parts) expect(part.startsWith('| n | v |\n|---|---|\n| ')).toBe(true);
    expect(parts.flatMap((part) => part.split('\n').slice(2))).toEqual(rows);
  });

  test('for any text: no part is too long or empty, no character is split, no word is lost, and it is deterministic', () => {
    const line = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 300 }),
      fc.constantFrom('```ts', '```', '~~~', '| a | b |', '|---|---|', '', '- item', '> quote'),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 40 }), (lines) => {
        const reply = lines.join('\n');
        const parts = splitReply(reply, LIMIT);
        expect(parts).toEqual(splitReply(reply, LIMIT));
        const joined = parts.join('').replace(/\s/g, '');
        for (const part of parts) {
          expect(part.length).toBeLessThanOrEqual(LIMIT);
          expect(part.isWellFormed()).toBe(reply.isWellFormed());
          if (reply.trim() !== '') expect(part.trim()).not.toBe('');
        }
        // Fences and headers are repeated, so the parts can contain more than the reply, but never less.
        expect(joined.length).toBeGreaterThanOrEqual(reply.replace(/\s/g, '').length);
      }),
    );
  });
});

test('closeOpenFence closes the fence of a half-written reply', () => {
  expect(closeOpenFence('Look:\n```js\nlet a')).toBe('Look:\n```js\nlet a\n```');
  expect(closeOpenFence('```\na\n```')).toBe('```\na\n```');
  expect(closeOpenFence('plain')).toBe('plain');
});
