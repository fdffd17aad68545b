/** What was sent, for telling a server's own words from those that it repeats. */
import type { PromptMessage } from '../domain/conversation.ts';

/** Whether a word, a number or a phrase stands in what was sent. */
export type IsSent = (phrase: string) => boolean;

/** Reads the messages when it is first asked, since few answers are errors. */
export function createIsSent(messages: readonly PromptMessage[]): IsSent {
  let sent: string | undefined;
  return (phrase) => {
    sent ??= plain(messages.map(({ content }) => content).join('\n'));
    const wanted = plain(phrase).trim();
    if (wanted === '') return false;
    for (let at = sent.indexOf(wanted); at >= 0; at = sent.indexOf(wanted, at + 1)) {
      const isPart = isWord(sent[at - 1], wanted[0]) || isWord(wanted.at(-1), sent[at + wanted.length]);
      if (!isPart) return true;
    }
    return false;
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
