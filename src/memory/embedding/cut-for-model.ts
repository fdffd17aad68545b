import { normalized } from '../../lib/normalized.ts';

/**
 * The model reads 512 word pieces, and English has about five letters in each. A text is cut before it is
 * split into pieces, since some scripts make a hundred pieces of a word.
 */
export const MAX_LETTERS = 4_000;

/** The beginning that the model can read, decomposed as it does it: a Hangul syllable is three letters. */
export function cutForModel(text: string): string {
  return normalized(text.replace(/\s+/gu, ' '), 'NFD').slice(0, MAX_LETTERS);
}
