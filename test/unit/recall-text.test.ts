import { describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { embedExchangeTexts } from '../../src/memory/long-term/exchange-passages.ts';
import {
  isEmbeddedInPart as isInPartInSteps,
  PASSAGE_WORDS,
  splitExchange as splitInSteps,
  type Span,
} from '../../src/memory/text/passages.ts';
import {
  addedBy,
  addsNothing,
  endsAsking,
  isNoAnswer,
  onlyAsks,
  piecesOf,
  weightOf,
} from '../../src/memory/text/questions.ts';
import { dayInWords, readableShare } from '../../src/memory/text/search-text.ts';
import { countWords } from '../../src/memory/text/words.ts';
import { ASKED_AGAIN, TOLD_IN_QUESTIONS } from '../support/told-in-questions.ts';
import { isEmbeddedInPart, splitExchange } from '../support/passages.ts';
import { countedInEach } from '../support/steps.ts';

const MODEL = {
  tenantId: 'acme',
  embed: async () => [1, 1],
  embedParts: async (parts: readonly string[]) => ({ whole: [2, 2], parts: parts.map(() => [3, 3]) }),
};
const LONG = 'This sentence has exactly six words. '.repeat(100);

describe('passages', () => {
  test('an exchange of short messages is one passage', () => {
    expect(splitExchange('Hi', 'Hello!')).toEqual([{ user: { from: 0, to: 2 }, reply: { from: 0, to: 6 } }]);
  });

  test('of a longer exchange each message is cut by itself, at sentences into about equal parts', () => {
    const passages = splitExchange('How?', LONG);
    expect(passages[0]).toEqual({ user: { from: 0, to: 4 }, reply: { from: 0, to: 0 } });
    const replies = passages.slice(1);
    expect(replies).toHaveLength(10);
    for (const { user, reply } of replies) {
      expect(user).toEqual({ from: 0, to: 0 });
      expect(LONG.slice(reply.from, reply.to)).toMatch(/^(?:This [^.]*words\. ){10}$/s);
    }
  });

  test.each([
    ['without spaces', '日'.repeat(2_000)],
    ['without any end', 'word '.repeat(2_000)],
    ['one endless word', 'x'.repeat(32_000)],
    ['emoji', '🎉'.repeat(4_000)],
    ['lines', 'a line\n'.repeat(1_000)],
    ['dots', `${'.'.repeat(31_999)}x`],
    ['ends within words', '他说。a 3.14?b'.repeat(300)],
  ])('a text %s is cut too: no gap, no overlap, no half character, nothing too long', (_name, text) => {
    const spans = splitExchange(text, '').map(({ user }) => user);
    expectWhole(text, spans);
    for (const { from, to } of spans) {
      expect(text.slice(from, to).isWellFormed()).toBe(true);
      expect(countWords(text.slice(from, to))).toBeLessThanOrEqual(PASSAGE_WORDS);
    }
  });

  test('a text of more than three passages’ length for each that it may have is embedded in part', () => {
    const most = 3 * 48 * PASSAGE_WORDS;
    for (const word of ['日', 'word ']) {
      expect(isEmbeddedInPart(word.repeat(Math.floor(0.85 * most)))).toBe(false);
      expect(isEmbeddedInPart(word.repeat(Math.ceil(1.15 * most)))).toBe(true);
    }
    expect(isEmbeddedInPart('')).toBe(false);
    expect(splitExchange('日'.repeat(32_000), '').length).toBeLessThanOrEqual(48);
  });

  test('white space alone is no passage, since it has no embedding', async () => {
    const user = `log:\n${' '.repeat(1_600)}end`;
    const { passages, reply } = await embedExchangeTexts({ user, reply: LONG }, { user: [1, 0] }, MODEL);
    expect(reply).toEqual([2, 2]);
    expect(passages.map(({ embedding }) => embedding.length)).toEqual(passages.map(() => 2));
    expect(passages.flatMap(({ embedding }) => embedding).every(Number.isFinite)).toBe(true);
  });

  test('a message is embedded once: a short one whole, a long one in its parts', async () => {
    const { embedParts, embed } = MODEL;
    const calls: string[][] = [];
    const counted = {
      tenantId: 'acme',
      embed: (text: string) => (calls.push([text]), embed()),
      embedParts: (parts: readonly string[]) => (calls.push([...parts]), embedParts(parts)),
    };
    const { passages } = await embedExchangeTexts({ user: 'How?', reply: LONG }, {}, counted);
    expect(calls.map((parts) => parts.join(''))).toEqual(['How?', LONG]);
    expect(passages.map(({ embedding }) => embedding)).toEqual([[1, 1], ...Array(10).fill([3, 3])]);
    calls.length = 0;
    const short = await embedExchangeTexts({ user: 'How?', reply: 'So.' }, { user: [5, 0] }, counted);
    expect(calls).toEqual([['So.']]);
    expect(short.passages.map(({ embedding }) => embedding)).toEqual([[6, 1]]);
  });

  test.each(['x.', '. ', 'abc ', '日', '\n '])('a long text of %j is cut in steps', (shape) => {
    const [said, answered] = [shape.repeat(32_000 / shape.length), shape.repeat(200_000 / shape.length)];
    // Words are counted by these. A step may have the end of one count and the beginning of the next.
    const spies = [jest.spyOn(String.prototype, 'match'), jest.spyOn(RegExp.prototype, 'test')];
    const counted = () => spies.reduce((sum, { mock }) => sum + mock.calls.length, 0);
    try {
      expect(Math.max(...countedInEach(splitInSteps(said, answered), counted))).toBeLessThan(15_000);
      expect(Math.max(...countedInEach(isInPartInSteps(answered), counted))).toBeLessThan(15_000);
    } finally {
      spies.forEach((spy) => spy.mockRestore());
    }
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
});

describe('search text', () => {
  test.each([
    ['Wie heißt sie?', 1],
    ['她叫 Anna', 4 / 6],
    ['她喜欢什么', 0],
    ['123', 1],
  ])('%s: as much of it as %d is Latin', (text, share) => expect(readableShare(text)).toBe(share));

  test('a day in words', () => expect(dayInWords(new Date('2023-05-08T23:59:00Z'))).toBe('8 May 2023'));
});
