/**
 * The share of a text's letters that are Latin, 1 for a text without letters. The embedding model has learned
 * English: to a Chinese or Arabic question, the answer is hardly more similar than any other sentence in that
 * language.
 */
export function readableShare(text: string): number {
  const letters = text.match(/\p{L}/gu)?.length ?? 0;
  const latin = text.match(/\p{Script=Latin}/gu)?.length ?? 0;
  return letters === 0 ? 1 : latin / letters;
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
