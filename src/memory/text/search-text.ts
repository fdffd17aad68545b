import { UNSPACED_RUN } from './words.ts';

/** A text prepared for search: the words for each of Postgres' text search configurations. */
export type SearchText = { english: string; arabic: string; russian: string };

/**
 * Prepares a text for lexical search. Stored texts and questions are prepared alike
 * (except for single Chinese characters), so that a word becomes the same term on both
 * sides. Postgres' own parser is not enough: in the C locale it takes every non-ASCII
 * character for a letter, and it finds no words in scripts without spaces.
 */
export function toSearchText(text: string, side: 'stored' | 'asked'): SearchText {
  const clean = text
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll('’', "'")
    // Arabic vowel signs and the tatweel are optional in writing.
    .replace(/[\u064b-\u0652\u0640]/gu, '')
    .replace(/[^\x00-\x7f\p{L}\p{N}\p{M}]/gu, ' ')
    .replace(UNSPACED_RUN, (run) => ` ${wordsOf(run, side)} `);
  const words = clean.split(/\s+/u);
  const of = (script: RegExp) => words.filter((word) => script.test(word)).join(' ');
  return {
    english: words.filter((word) => !ARABIC.test(word) && !CYRILLIC.test(word)).join(' '),
    arabic: of(ARABIC),
    russian: of(CYRILLIC),
  };
}

const ARABIC = /\p{Script=Arabic}/u;
const CYRILLIC = /\p{Script=Cyrillic}/u;

const HAN = /\p{Script=Han}/u;

/**
 * "我女儿" → "我女 女儿": without a dictionary, pairs of characters are the best approximation of words. A single
 * character in a question ("猫?") is a word, so stored texts also get their Chinese characters one by one. A
 * longer run in a question gets pairs only: single characters would match too much.
 */
function wordsOf(run: string, side: 'stored' | 'asked'): string {
  const characters = [...run];
  if (characters.length === 1) return run;
  const pairs = characters.slice(1).map((character, i) => `${characters[i]}${character}`);
  const single = side === 'stored' ? characters.filter((character) => HAN.test(character)) : [];
  return [...pairs, ...single].join(' ');
}

/**
 * True when at least half of a text's letters are Latin. The embedding model has learned English: to a
 * Chinese or Arabic question, the answer is hardly more similar than any other sentence in that language.
 */
export function isMostlyLatin(text: string): boolean {
  const letters = text.match(/\p{L}/gu)?.length ?? 0;
  const latin = text.match(/\p{Script=Latin}/gu)?.length ?? 0;
  return latin * 2 >= letters;
}

/**
 * The day as words in UTC ("8 May 2023"). It is stored with an exchange, so that a question can name the day.
 */
export function dayInWords(at: Date): string {
  return `${at.getUTCDate()} ${MONTHS[at.getUTCMonth()]} ${at.getUTCFullYear()}`;
}

export const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
] as const;
