import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { embedPassages } from '../../src/memory/long-term/exchange-passages.ts';
import { PASSAGE_WORDS, splitExchange, type Span } from '../../src/memory/text/passages.ts';
import { firstPersonOf, isNoAnswer, onlyAsks } from '../../src/memory/text/questions.ts';
import { dayInWords, isMostlyLatin } from '../../src/memory/text/search-text.ts';
import { countWords } from '../../src/memory/text/words.ts';

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
    'Hi! Do you know where I live?',
    'wie heißt mein Hund',
    '我的狗叫什么名字?',
    'Hi there, what is the name of my dog, please?',
    'I was wondering, what is my dog called?',
    'My dog’s name?',
    'Kannst du mir sagen, wie mein Hund heißt?',
    '你好。我的狗叫什么名字?',
    'I forgot, what is my dog called?',
    'Ich wollte fragen, wie heißt mein Hund?',
  ])('%s only asks', (text) => expect(onlyAsks(text)).toBe(true));
  test.each([
    'My dog is called Rex.',
    'My dog is Rex. What is yours?',
    'How I met your mother is a story that I tell you when we have more time',
    "I'm allergic to peanuts, can I eat satay?",
    "I'm allergic to peanuts can I eat satay?",
    'Can I eat satay since I am allergic to peanuts?',
    'My dog Rex is ill – which vet is open now?',
    'Can my daughter come, she is called Lena?',
    "I'm vegan. Can I eat this?",
    "I'm vegan, can I eat this?",
    'Ich bin Vegetarier, kann ich das essen?',
    'У меня аллергия на арахис, можно мне сатай?',
    '我对花生过敏，可以吃沙爹吗?',
    '我的狗叫雷克斯。它几岁?',
    "can I eat this, I'm allergic to nuts",
    'im vegan, can I eat this?',
    'We had a wonderful wedding at Lake Como in June 2019, can you believe it?',
    'My parcel was fragile and came broken, can I get a refund?',
    'I forgot my passport at the Hilton, what should I do?',
    'My order number is 4711 and I wanted to ask, where is it?',
    '我几乎每天吃花生，可以吗？',
    '',
  ])('%s tells', (text) => expect(onlyAsks(text)).toBe(false));
  test.each([' ', ' -', '-', ', ', '?', '? ', ' because'])(
    'thirty thousand repeats of "%s" take no time',
    (text) => {
      const started = performance.now();
      onlyAsks(`What${text.repeat(30_000 / text.length)}now?`);
      expect(performance.now() - started).toBeLessThan(200);
    },
  );
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
