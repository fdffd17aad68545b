/** Scripts that put no spaces between words: a run of them is no word. */
const UNSPACED =
  '\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Thai}\\p{Script=Lao}\\p{Script=Khmer}\\p{Script=Myanmar}';

const WORD = new RegExp(`[${UNSPACED}]|[^\\s${UNSPACED}]+`, 'gu');

/** Runs of scripts that put no spaces between words. */
export const UNSPACED_RUN = new RegExp(`[${UNSPACED}]+`, 'gu');

/** How many words a text has; where words aren't spaced, each character counts as one. */
export function countWords(text: string): number {
  return text.match(WORD)?.length ?? 0;
}
