import { CUT_OFF } from './words.ts';

/**
 * What a person sees of a reply: one that was cut off says so in a line of its own. Window and memory hold
 * the model's words alone.
 */
export function shownReply(answer: { text: string; cutOff?: true }): string {
  if (!answer.cutOff) return answer.text;
  const text = answer.text.trimEnd();
  // In a code block that is still open the line would be code.
  const fences = text.match(/^ {0,3}```/gm)?.length ?? 0;
  return `${text}${fences % 2 === 1 ? '\n```' : ''}\n\n${CUT_OFF}`;
}
