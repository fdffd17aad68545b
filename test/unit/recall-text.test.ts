import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { embedPassages } from '../../src/memory/long-term/exchange-passages.ts';
import { isEmbeddedInPart, PASSAGE_WORDS, splitExchange, type Span } from '../../src/memory/text/passages.ts';
import {
  addedBy,
  addsNothing,
  endsAsking,
  firstPersonOf,
  isNoAnswer,
  onlyAsks,
  piecesOf,
  weightOf,
} from '../../src/memory/text/questions.ts';
import { dayInWords, isMostlyLatin } from '../../src/memory/text/search-text.ts';
import { countWords } from '../../src/memory/text/words.ts';
import { ASKED_AGAIN, TOLD_IN_QUESTIONS } from '../support/told-in-questions.ts';

const LONG = 'This sentence has exactly six words. '.repeat(100);

describe('passages', () => {
  test('an exchange of short messages is one passage', () => {
    expect(splitExchange('Hi', 'Hello!')).toEqual([{ user: { from: 0, to: 2 }, reply: { from: 0, to: 6 } }]);
  });

  test('a long message is cut at sentences into about equal parts, each together with the short one', () => {
    const passages = splitExchange('How?', LONG);
    expect(passages).toHaveLength(4);
    for (const { user, reply } of passages) {
      expect(user).toEqual({ from: 0, to: 4 });
      expect(LONG.slice(reply.from, reply.to)).toMatch(/^This .*words\. $/s);
    }
  });

  test('two long messages are cut separately', () => {
    const passages = splitExchange(LONG, LONG);
    expect(passages.map(({ user, reply }) => [user.to > user.from, reply.to > reply.from])).toEqual([
      ...Array.from({ length: 4 }, () => [true, false]),
      ...Array.from({ length: 4 }, () => [false, true]),
    ]);
  });

  test.each([
    ['without spaces', '日'.repeat(5_000)],
    ['without any end', 'word '.repeat(3_000)],
    ['one endless word', 'x'.repeat(32_000)],
    ['emoji', '🎉'.repeat(4_000)],
    ['lines', 'a line\n'.repeat(2_000)],
    ['dots', `${'.'.repeat(31_999)}x`],
    ['ends within words', '他说。a 3.14?b'.repeat(400)],
  ])('a text %s is cut too: no gap, no overlap, no half character, nothing too long', (_name, text) => {
    const spans = splitExchange(text, '').map(({ user }) => user);
    expectWhole(text, spans);
    for (const { from, to } of spans) {
      expect(text.slice(from, to).isWellFormed()).toBe(true);
      expect(countWords(text.slice(from, to))).toBeLessThanOrEqual(PASSAGE_WORDS);
    }
  });

  test('a text of more than two passages’ length for each that it may have is embedded in part', () => {
    const most = 2 * 48 * PASSAGE_WORDS;
    for (const word of ['日', 'word ']) {
      expect(isEmbeddedInPart(word.repeat(Math.floor(0.85 * most)))).toBe(false);
      expect(isEmbeddedInPart(word.repeat(Math.ceil(1.15 * most)))).toBe(true);
    }
    expect(isEmbeddedInPart('')).toBe(false);
    expect(splitExchange('日'.repeat(32_000), '').length).toBeLessThanOrEqual(48);
  });

  test('white space alone is no passage, since it has no embedding', async () => {
    const user = `log:\n${' '.repeat(1_600)}end`;
    const passages = await embedPassages({ user, reply: LONG }, { user: [1, 0], reply: [0, 1] }, async () => [
      1, 1,
    ]);
    expect(passages.map(({ embedding }) => embedding.length)).toEqual(passages.map(() => 2));
    expect(passages.flatMap(({ embedding }) => embedding).every(Number.isFinite)).toBe(true);
  });

  test('any text is covered by its passages', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 4_000 }), (text) =>
        expectWhole(
          text,
          splitExchange(text, 'ok').map(({ user }) => user),
        ),
      ),
      { numRuns: 200 },
    );
  });
});

function expectWhole(text: string, spans: readonly Span[]): void {
  expect(spans.map(({ from, to }) => text.slice(from, to)).join('')).toBe(text);
}

describe('questions', () => {
  test.each([
    "What's my dog's name?",
    'Where do I live? And since when?',
    '我的狗叫什么名字？',
    'ما اسم ابنتي؟',
    'Πού μένει η κόρη μου;',
    'Did you know that I moved to Graz?! 🙂',
  ])('%s only asks, by its marks', (text) => expect(onlyAsks(text)).toBe(true));
  test.each([
    'My dog is called Rex.',
    'My dog is Rex. What is yours?',
    '我的狗叫雷克斯。它几岁?',
    "I'm vegan. Can I eat this?",
    'How I met your mother is a story that I tell you when we have more time',
    'wie heißt mein Hund',
    '?!a',
    '',
  ])('%s may tell', (text) => expect(onlyAsks(text)).toBe(false));

  test.each(ASKED_AGAIN)('“%s” adds nothing to “%s”', (before, asked) =>
    expect(addsNothing(endsAsking(before), addedBy(before, piecesOf(asked)))).toBe(true),
  );
  test.each([
    ...TOLD_IN_QUESTIONS,
    ['My dog is called Bo', 'What is my dog called?'],
    ['Der Hund heißt Bo', 'Wie heißt der Hund?'],
    ['狗叫宝', '狗叫什么?'],
  ] as const)('“%s” adds something to “%s”', (said, asked) =>
    expect(addsNothing(endsAsking(said), addedBy(said, piecesOf(asked)))).toBe(false),
  );
  test('a text adds all of its weight to nothing, and nothing to itself', () => {
    const text = 'Could you keep in mind the gate code 4471?';
    expect(addedBy(text, piecesOf(''))).toBeCloseTo(weightOf(text));
    expect(addedBy(text, piecesOf(text))).toBe(0);
  });

  test.each([
    "I don't know your dog’s name.",
    "Sorry, you haven't told me yet.",
    'Das weiß ich leider nicht.',
    '我不知道。',
    'لا أعرف',
  ])('%s is no answer', (text) => expect(isNoAnswer(text)).toBe(true));
  test.each(['Your dog is called Rex.', 'No problem!', `I'm not sure, but ${'it may be this. '.repeat(30)}`])(
    '%s is one',
    (text) => expect(isNoAnswer(text)).toBe(false),
  );
  test.each([
    ['Where do I live?', 1],
    ['Wie heißt meine Tochter?', 1],
    ['Why is the sky blue?', 0],
    ['What did the US buy?', 0],
    ['Wie hoch ist der Kilimandscharo?', 0],
    ['Où sont mes clés ?', 0.8],
    ['Missä avaimeni ovat?', 0.8],
  ])('%s in the first person: %s', (text, expected) => expect(firstPersonOf(text)).toBe(expected));
});

describe('search text', () => {
  test('is mostly Latin or not', () => {
    expect([
      isMostlyLatin('Wie heißt sie?'),
      isMostlyLatin('她叫 Anna 吗?她喜欢什么'),
      isMostlyLatin('123'),
    ]).toEqual([true, false, true]);
  });

  test('a day in words', () => expect(dayInWords(new Date('2023-05-08T23:59:00Z'))).toBe('8 May 2023'));
});
