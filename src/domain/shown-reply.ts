import { CUT_OFF } from './words.ts';

/**
 * What a person sees of a reply: one that was cut off says so in a line of its own. Window and memory hold
 * the model's words alone.
 */
export function shownReply(answer: { text: string; cutOff?: true; closing?: string }): string {
  const { text, cutOff, closing = '' } = answer;
  return cutOff ? `${text.trimEnd()}${closing}\n\n${CUT_OFF}` : text;
}
