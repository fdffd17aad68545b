import { contained } from './contained.ts';
import { joinLines } from './loose.ts';

/** What marks a text up, or stands for it in one of its forms only: bullets, and the label of a mention. */
const BULLET = /^[ \t]*[•◦▪-][ \t]/gm;
const MENTION_LABEL = /(<[@#!][^|<>]{1,80})\|[^<>]{0,200}>/g;
const MARKUP = /&gt;|[*_~`]/g;

/**
 * A message's text, and those lines of its other parts that say something new: Slack gives what a person
 * typed as text and as blocks, and apps put a summary of their blocks into the text. A line, or a block of
 * code, repeats when it stands in the text as well, word for word and sign for sign, however either is marked
 * up. Pure.
 */
export function withoutRepeats(text: string, other: string): string {
  if (text.trim() === '') return other;
  if (other.trim() === '') return text;
  const parts = partsOf(other);
  const [isAllSaid, ...areSaid] = contained(signsOf(text), [other, ...parts].map(signsOf));
  return isAllSaid ? text : joinLines([text, ...parts.filter((_, nth) => !areSaid[nth])]);
}

/** Its words and all other signs in their order. */
function signsOf(raw: string): string[] {
  const plain = raw.replace(BULLET, ' ').replace(MENTION_LABEL, '$1>').replace(MARKUP, ' ');
  return plain.toLowerCase().match(/[\p{L}\p{M}\p{N}]+|\S/gu) ?? [];
}

/** Its lines; a block of code is one. */
function partsOf(raw: string): string[] {
  const parts: string[] = [];
  const code: string[] = [];
  for (const line of raw.split('\n')) {
    const isFence = line === '```';
    if (code.length > 0 || isFence) code.push(line);
    else parts.push(line);
    if (isFence && code.length > 1) parts.push(code.splice(0).join('\n'));
  }
  return [...parts, ...code];
}
