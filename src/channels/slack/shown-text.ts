/** A text that Slack shows as it is, without marks. */
export const plainText = (text: string) => ({ type: 'plain_text' as const, text });

/** The beginning of a text that is longer than that. */
export const shortText = (text: string, most: number): string =>
  text.length > most ? `${text.slice(0, most).toWellFormed()} …` : text;
