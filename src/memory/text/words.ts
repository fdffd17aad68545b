/** Scripts that put no spaces between words, so a run of characters is not one word. */
export const UNSPACED =
  '\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Thai}\\p{Script=Lao}\\p{Script=Khmer}\\p{Script=Myanmar}';

const WORD = new RegExp(`[${UNSPACED}]|[^\\s${UNSPACED}]+`, 'gu');

/** Number of words in a text. In scripts without spaces each character counts as a word. */
export function countWords(text: string): number {
  return text.match(WORD)?.length ?? 0;
}
