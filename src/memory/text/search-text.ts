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
