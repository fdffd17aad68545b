/** What is derived of a text changes with its version alone, so that a reindex finds what is old. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { DERIVED_VERSION, VECTORS_SINCE } from '../../src/memory/long-term/derived-version.ts';
import { derivedOf } from '../../src/memory/long-term/derive.ts';
import { embedExchangeTexts, type Embed } from '../../src/memory/long-term/exchange-passages.ts';

const LONG = Array.from(
  { length: 30 },
  (_, i) => `On day ${i + 1} we walked ${3 * i + 2} km along the Mur, and it rained. Did anybody complain?`,
).join(' ');
const CODE = '```ts\nconst userName = "anna@firma.de"; // RX-4471\n```';

/** An exchange each: short, long, only asked, unanswered, in several scripts, with numbers and code. */
const EXCHANGES: ReadonlyArray<readonly [user: string, reply: string]> = [
  ['My dog is called Rex.', 'What a fine name.'],
  ['My sister visited us last week, on Tuesday the 3rd of May 2022.', ''],
  ['', 'Good morning! Shall we begin?'],
  ['What is my dog called?', 'I don’t know.'],
  ['Собаку зовут Рекс, а кошку — Мурка.', 'Запомнила.'],
  ['我的狗叫雷克斯。', '好名字。'],
  ['내 강아지 이름은 렉스야.', '멋진 이름이네요.'],
  ['Straße, naïve, İzmir’de, l’ami, user_name, userName, 030 4471, +49 30 123-45-67', CODE],
  [LONG, 'Noted.'],
  ['Tell me of the walk.', LONG],
  [LONG, LONG],
  [' \n ', '—'],
];
const AT = new Date('2023-05-08T21:30:00Z');

/** What the model is asked for, and vectors that follow from it. */
function noting(asked: unknown[]): Embed {
  const vectorOf = (text: string): number[] => [text.length, text.codePointAt(0) ?? 0];
  return {
    tenantId: 'acme',
    embed: async (text) => (asked.push(text), vectorOf(text)),
    embedParts: async (parts) => (
      asked.push(parts),
      { whole: vectorOf(parts.join('')), parts: parts.map(vectorOf) }
    ),
  };
}

async function derived([userText, replyText]: readonly [string, string]) {
  const asked: unknown[] = [];
  const texts = { user: userText, reply: replyText };
  const known = { user: userText ? undefined : [], reply: replyText ? undefined : [] };
  const { passages } = await embedExchangeTexts(texts, known, noting(asked));
  const { flags, userWeight, terms } = derivedOf({ ...texts, createdAt: AT, passages });
  return { asked, passages, flags, userWeight: userWeight.toFixed(4), terms };
}

/** By version. The texts have no words of Thai and its like, which each ICU cuts in its own way. */
const DERIVED: Record<number, string> = {
  1: 'c5b1f41ec5e478d945e9a9708a35d16f441d1889d0c555d78c0c4b1fb90d2114',
  2: '738ec6859c0d31877fb18d4a6b7a26850be8967666c3b4e9720c2931950080cc',
};

test('what is derived is what its version says', async () => {
  const all = await Promise.all(EXCHANGES.map(derived));
  const hash = createHash('sha256').update(JSON.stringify(all)).digest('hex');
  // If not, count DERIVED_VERSION up, and VECTORS_SINCE if the vectors are others; then note the hash here.
  expect({ version: DERIVED_VERSION, hash }).toEqual({
    version: DERIVED_VERSION,
    hash: DERIVED[DERIVED_VERSION],
  });
  expect(VECTORS_SINCE).toBeLessThanOrEqual(DERIVED_VERSION);
});

describe('vectors that are known', () => {
  const texts = { user: LONG, reply: 'Noted.' };
  const refusing: Embed = {
    tenantId: 'acme',
    embed: () => Promise.reject(new Error('the model was asked')),
    embedParts: () => Promise.reject(new Error('the model was asked')),
  };

  test('are kept without asking the model, where each passage is cut as before', async () => {
    const made = await embedExchangeTexts(texts, {}, noting([]));
    expect(made.passages.length).toBeGreaterThan(5);
    expect(await embedExchangeTexts(texts, made, refusing)).toEqual(made);
  });

  test('are made anew, all of them, where one is cut in another way', async () => {
    const made = await embedExchangeTexts(texts, {}, noting([]));
    const [first, ...others] = made.passages;
    if (!first) throw new Error('there is no passage');
    const otherwise = { ...first, user: { from: 0, to: first.user.to + 1 } };
    const asked: unknown[] = [];
    const again = await embedExchangeTexts(
      texts,
      { ...made, passages: [otherwise, ...others] },
      noting(asked),
    );
    expect(asked).toHaveLength(1);
    expect(again.passages).toEqual(made.passages);
  });

  test('of messages alone are enough for one short passage', async () => {
    const short = { user: 'My dog is called Rex.', reply: 'A fine name.' };
    const known = { user: [1, 0], reply: [0, 1] };
    const { passages } = await embedExchangeTexts(short, known, refusing);
    expect(passages.map(({ embedding }) => embedding)).toEqual([[1, 1]]);
  });
});
