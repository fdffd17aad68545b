/** What was sent, for telling a server's own words from those that it repeats. */
import type { PromptMessage } from '../domain/conversation.ts';

/** Whether a word, a number or a phrase stands in what was sent. */
export type IsSent = (phrase: string) => boolean;

/**
 * Characters that are looked through for one answer: the longest prompt ten times. An error may hold many
 * words and numbers, and each is looked for in all of the prompt.
 */
const MOST_LOOKED_AT = 4_000_000;
/** What one place costs where a phrase stands, in characters that are looked through. */
const A_PLACE = 500;

/**
 * Reads the messages when it is first asked, since few answers are errors. Each phrase is looked for once.
 * What is left when enough was looked at counts as sent: less is learned of such an error.
 */
export function createIsSent(messages: readonly PromptMessage[]): IsSent {
  let sent: string | undefined;
  let left = MOST_LOOKED_AT;
  const known = new Map<string, boolean>();
  const find = (text: string, wanted: string): boolean => {
    for (let from = 0; left > 0;) {
      const at = text.indexOf(wanted, from);
      left -= (at < 0 ? text.length : at) - from + A_PLACE;
      if (at < 0) return false;
      const isPart = isWord(text[at - 1], wanted[0]) || isWord(wanted.at(-1), text[at + wanted.length]);
      if (!isPart) return true;
      from = at + 1;
    }
    return true;
  };
  return (phrase) => {
    sent ??= plain(messages.map(({ content }) => content).join('\n'));
    const wanted = plain(phrase).trim();
    if (wanted === '') return false;
    const isSent = known.get(wanted) ?? find(sent, wanted);
    known.set(wanted, isSent);
    return isSent;
  };
}
/** Whether any two words beside each other were sent: a phrase may begin before what is repeated. */
export function isSentInPart(phrase: string, isSent: IsSent): boolean {
  const words = [...phrase.matchAll(/[^\s.,:;'"`(){}[\]]+/g)];
  const pairs = words.slice(1).map(({ 0: word, index }, at) => {
    return phrase.slice(words[at]?.index, index + word.length);
  });
  return isSent(phrase) || pairs.some(isSent);
}

/** As errors are read: whatever the case, the spaces, the separators in numbers, and what JSON escapes. */
function plain(text: string): string {
  return text
    .replace(/\\u([\da-f]{4})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    .replace(/(?<=\d)[,_](?=\d{3})/g, '')
    .replace(/\s+/g, ' ')
    .toLowerCase();
}

/** Whether two characters beside each other belong to one word or number. */
function isWord(one: string | undefined, other: string | undefined): boolean {
  return one !== undefined && other !== undefined && /\w/.test(one) && /\w/.test(other);
}
