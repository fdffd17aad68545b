import { joinLines } from './loose.ts';

/**
 * A message's text, and those lines of its other parts that say something new: Slack gives what a person
 * typed as text and as blocks, and apps put a summary of their blocks into the text. A line repeats when the
 * text has all its words. Pure.
 */
export function withoutRepeats(text: string, other: string): string {
  if (text.trim() === '') return other;
  if (other.trim() === '') return text;
  const said = new Set(wordsOf(text));
  const isNew = (line: string) => wordsOf(line).some((word) => !said.has(word));
  return joinLines([text, ...other.split('\n').filter(isNew)]);
}

function wordsOf(raw: string): string[] {
  return raw.toLowerCase().match(/[\p{L}\p{M}\p{N}]+/gu) ?? [];
}
