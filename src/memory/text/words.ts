import type { InSteps } from '../../lib/in-turns.ts';

/** Scripts that put no spaces between words, so a run of characters is not one word. */
export const UNSPACED =
  '\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Thai}\\p{Script=Lao}\\p{Script=Khmer}\\p{Script=Myanmar}';

const WORD = new RegExp(`[${UNSPACED}]|[^\\s${UNSPACED}]+`, 'gu');

/** Number of words in a text. In scripts without spaces each character counts as a word. */
export function countWords(text: string): number {
  return text.match(WORD)?.length ?? 0;
}

/** Words that are counted in one step: a millisecond. */
const COUNTED_IN_ONE_GO = 5_000;

/** The same of a text that may be as long as a reply. */
export function* countWordsInSteps(text: string): InSteps<number> {
  const word = new RegExp(WORD);
  let words = 0;
  while (word.test(text)) {
    words += 1;
    if (words % COUNTED_IN_ONE_GO === 0) yield;
  }
  return words;
}
