/**
 * What a turn may carry through Temporal, in bytes. Temporal refuses a payload of 2 MB, and a workflow whose
 * next step is refused can never go on, so each part of a turn has its bound here: no event of a history
 * reaches 1 MB with an ordinary agent, or 2 MB with the longest. Characters are no measure: JSON takes one
 * byte for most of English, three for Chinese, six for a control character.
 */

/** Window and recalled messages of one prompt together. */
export const MAX_MEMORY_BYTES = 400_000;

/** The recalled messages among them, as the prompt quotes them. */
export const MAX_RECALLED_BYTES = 120_000;

/**
 * One recalled message, before it is quoted: a quotation makes seven bytes of a `<`, and the best message has
 * room in any case. Passages are shorter; a memory stored by another program may be of any length.
 */
export const MAX_RECALLED_MESSAGE_BYTES = 15_000;

/** The longest message of a person, in Unicode characters: at most 192,000 bytes. */
export const MAX_TEXT_LENGTH = 32_000;

/** An agent's reply. */
export const MAX_REPLY_BYTES = 200_000;

/**
 * The largest prompt that an agent or the deployment may ask for, in tokens as `estimateTokens` counts: about
 * what the bounds above let through, with the longest system prompt and message.
 */
export const MAX_PROMPT_TOKENS = 200_000;

/** Bytes of a text inside a JSON document, without its quotation marks. Runs in workflows: no TextEncoder. */
export function jsonBytes(text: string): number {
  let bytes = 0;
  for (let i = 0; i < text.length; i += 1) bytes += unitBytes(text, i);
  return bytes;
}

/** The text if it takes at most `maxBytes` in JSON, else its beginning with an ellipsis. */
export function withinBytes(text: string, maxBytes: number): string {
  // Six bytes a unit is the most there can be: nearly every text is let through uncounted.
  if (text.length * 6 <= maxBytes || jsonBytes(text) <= maxBytes) return text;
  let left = maxBytes - jsonBytes(ELLIPSIS);
  let end = 0;
  while (left >= unitBytes(text, end)) {
    left -= unitBytes(text, end);
    end += 1;
  }
  // Never half a surrogate pair.
  if (isLead(text.charCodeAt(end - 1)) && isTrail(text.charCodeAt(end))) end -= 1;
  return text.slice(0, end).trimEnd() + ELLIPSIS;
}

const ELLIPSIS = ' …';

/** What one UTF-16 unit adds. A surrogate pair is four bytes, two for each half; a lone half is escaped. */
function unitBytes(text: string, i: number): number {
  const code = text.charCodeAt(i);
  if (code < 0x20) return hasShortEscape(code) ? 2 : 6;
  if (code === QUOTE || code === BACKSLASH) return 2;
  if (code < 0x80) return 1;
  if (code < 0x800) return 2;
  if (isLead(code)) return isTrail(text.charCodeAt(i + 1)) ? 2 : 6;
  if (isTrail(code)) return isLead(text.charCodeAt(i - 1)) ? 2 : 6;
  return 3;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** \b \t \n \f \r */
const hasShortEscape = (code: number): boolean => code >= 8 && code <= 13 && code !== 11;

const isLead = (code: number): boolean => code >= 0xd800 && code < 0xdc00;
const isTrail = (code: number): boolean => code >= 0xdc00 && code < 0xe000;
