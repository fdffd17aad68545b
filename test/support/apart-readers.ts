/** Readers for the tests of `apart`: one that reads, hangs or fails, as it is asked. */
import { apart } from '../../src/lib/apart.ts';

type Asked = { text: string; poison?: 'hang' | 'throw' };

export function lettersOf({ text, poison }: Asked): string {
  if (poison === 'hang') for (;;) text.at(0);
  if (poison === 'throw') throw new RangeError(`no reader for ${text}`);
  return `${text.length} letters`;
}

const loadedAt = Date.now();

/** When its thread has loaded this module. */
export const readLoadedAt = apart(import.meta.url, whenLoaded, () => Infinity);
export function whenLoaded(): number {
  return loadedAt;
}

export const readLetters = apart(import.meta.url, lettersOf, () => 'not read');
