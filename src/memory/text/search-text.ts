import { UNSPACED_RUN } from './words.ts';

/** A text made ready for search: what each text search configuration is to read. */
export type SearchText = { english: string; arabic: string; russian: string };

/**
 * Prepares a text for the lexical side of recall; the same for storing and for asking (but for single Chinese
 * characters), so that whatever it does to a word it does on both sides. Postgres' parser can't be left alone with it: in the C locale it
 * takes every character beyond ASCII for a letter, and it knows no words where no spaces stand.
 */
export function toSearchText(text: string, side: 'stored' | 'asked'): SearchText {
  const clean = text
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll('’', "'")
    // Arabic vowel signs and the stretching stroke are optional in writing.
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
 * "我女儿" → "我女 女儿": two neighbouring characters are the nearest thing to a word without a dictionary. A
 * character that stands alone in a question ("猫?") is a word, so Chinese ones are stored singly as well; asked
 * for singly they would only blur the pairs.
 */
function wordsOf(run: string, side: 'stored' | 'asked'): string {
  const characters = [...run];
  if (characters.length === 1) return run;
  const pairs = characters.slice(1).map((character, i) => `${characters[i]}${character}`);
  const single = side === 'stored' ? characters.filter((character) => HAN.test(character)) : [];
  return [...pairs, ...single].join(' ');
}

/**
 * True when most letters of a text are Latin. The model has learned English: it tells a Chinese or Arabic
 * question's answer from any other Chinese or Arabic sentence hardly at all (0.72 against 0.70).
 */
export function isMostlyLatin(text: string): boolean {
  const letters = text.match(/\p{L}/gu)?.length ?? 0;
  const latin = text.match(/\p{Script=Latin}/gu)?.length ?? 0;
  return latin * 2 >= letters;
}

/** "8 May 2023": the day of an exchange as words, so that a question that names it finds it. UTC. */
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
