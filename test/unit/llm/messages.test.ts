import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { PromptMessage } from '../../../src/domain/conversation.ts';
import { foldSystem, shapeMessages } from '../../../src/llm/shape-messages.ts';
import { shortenMessages, tokensOf } from '../../../src/llm/shorten.ts';

const role = fc.constantFrom('system' as const, 'user' as const, 'assistant' as const);
const message = fc.record({ role, content: fc.string({ maxLength: 20 }) });

const say = (talk: string): PromptMessage[] =>
  talk.split(' ').map((word) => ({
    role: word.startsWith('s') ? 'system' : word.startsWith('u') ? 'user' : 'assistant',
    content: word,
  }));

describe('the shape', () => {
  test('whatever is handed in: one system message, then strict turns from user to user', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 12 }), (messages) => {
        const { messages: shaped } = shapeMessages(messages);
        const talk = shaped.filter((one) => one.role !== 'system');
        expect(shaped.slice(shaped.length - talk.length)).toEqual(talk);
        expect(shaped.length - talk.length).toBeLessThanOrEqual(1);
        expect(talk.map((one) => one.role)).toEqual(talk.map((_, i) => (i % 2 === 0 ? 'user' : 'assistant')));
        expect(talk.length === 0 || talk.length % 2 === 1).toBe(true);
        expect(shapeMessages(shaped)).toEqual({ messages: shaped, lost: 0 });
      }),
    );
  });

  test.each([
    ['s1 s2 u1', 's1\n\ns2 | u1', 0],
    ['s1 a0 u1 a1 u2', 's1 | u1 | a1 | u2', 1],
    ['s1 u1 u2 a1 a2 u3', 's1 | u1\n\nu2 | a1\n\na2 | u3', 0],
    ['u1 s1 u2', 's1 | u1\n\nu2', 0],
  ])('%s', (talk, shaped, lost) => {
    const result = shapeMessages(say(talk));
    expect(result.messages.map(({ content }) => content).join(' | ')).toBe(shaped);
    expect(result.lost).toBe(lost);
  });

  test('without a system role the system message leads what the user says first', () => {
    expect(foldSystem(say('s1 u1 a1 u2')).map(({ content }) => content)).toEqual(['s1\n\nu1', 'a1', 'u2']);
  });
});

describe('shortening', () => {
  const messages: PromptMessage[] = [
    { role: 'system', content: 'p'.repeat(300) },
    { role: 'system', content: 'c'.repeat(300) },
    ...Array.from({ length: 4 }, (_, i) => ({
      role: i % 2 ? ('assistant' as const) : ('user' as const),
      content: String(i).repeat(300),
    })),
    { role: 'user', content: 'm'.repeat(3_000) },
  ];
  const kept = (budget: number) => shortenMessages(messages, budget);

  test('nothing is left out while there is room', () => {
    expect(kept(tokensOf(messages))).toEqual({
      messages,
      leftOut: { windowMessages: 0, context: false, characters: 0 },
      fits: true,
    });
  });

  test('first the oldest turn, as a whole, then what was recalled, then the middle of the message', () => {
    expect(kept(tokensOf(messages) - 1).leftOut).toEqual({
      windowMessages: 2,
      context: false,
      characters: 0,
    });
    expect(kept(tokensOf(messages) - 450).leftOut).toEqual({
      windowMessages: 4,
      context: true,
      characters: 0,
    });
    const { leftOut, messages: left, fits } = kept(600);
    expect(leftOut).toMatchObject({ windowMessages: 4, context: true });
    expect(leftOut.characters).toBeGreaterThan(1_000);
    expect(left.map((one) => one.role)).toEqual(['system', 'user']);
    expect(left[0]?.content).toBe('p'.repeat(300));
    expect(left[1]?.content).toMatch(/^m+\n\[… left out.*\]\nm+$/);
    expect(fits).toBe(true);
  });

  test('what is cut stays within the budget, and characters stay whole', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', maxLength: 4_000 }),
        fc.integer({ min: 120, max: 2_000 }),
        (content, budget) => {
          const { messages: left, fits } = shortenMessages([{ role: 'user', content }], budget);
          expect(fits).toBe(true);
          expect(tokensOf(left)).toBeLessThanOrEqual(budget);
          expect(left[0]?.content.includes('\ufffd')).toBe(content.includes('\ufffd'));
        },
      ),
    );
  });

  test('too little room is said to be too little', () => {
    expect(kept(10).fits).toBe(false);
  });
});
