/**
 * As many marks as the Unicode standard lets a program expect upon one letter (UAX #15, "stream-safe"). More
 * are no writing, and normalisation sorts them in quadratic time: 32,000 take a second.
 */
const MORE_MARKS_THAN_WRITTEN = /(\p{M}{30})\p{M}+/gu;

const BEYOND_ASCII = /[^\0-\x7f]/;

/** Whether a text has ASCII characters alone: most words do, and need nothing that others do. */
export const isAscii = (text: string): boolean => !BEYOND_ASCII.test(text);

/** A text in a normal form of Unicode, without the marks beyond the thirtieth upon one letter. */
export function normalized(text: string, form: 'NFC' | 'NFD' | 'NFKC'): string {
  if (isAscii(text)) return text;
  return text.replace(MORE_MARKS_THAN_WRITTEN, '$1').normalize(form);
}
