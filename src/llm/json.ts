/** Looking into JSON of no known shape. */
import { endOfString, isTextWithin } from '../lib/json-size.ts';
import { parseJson } from '../lib/parse-json.ts';

export type Json = Record<string, unknown>;

/** Objects, lists and values of one document, and how deep they stand: more than any server sends. */
const MOST_VALUES = 50_000;
const MOST_DEPTH = 64;

/**
 * The value of a text that a server has sent; undefined when it is no JSON, or holds more than any server
 * sends. That is seen before it is parsed: brackets take long, and code that follows them runs out of stack.
 */
export const readJson = (text: string): unknown =>
  isTextWithin(text, MOST_VALUES, MOST_DEPTH) ? parseJson(text) : undefined;

/** The object, or undefined for everything else, arrays included. */
export function asObject(value: unknown): Json | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
}

/** The text, unless there is none. */
export function asText(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/**
 * A text's first characters, `most` of them. A part of a string keeps the whole in memory, and what stands
 * around a name may be long: so it is copied.
 */
export const beginningOf = (text: string, most: number): string =>
  text.length <= most ? text : Buffer.from(text.slice(0, most), 'utf16le').toString('utf16le');

/** More than any server counts in one answer. */
const MOST_COUNTED = 100_000_000;

/** What a server counts, as a whole number; digits in a text count. Undefined for what is no such number. */
export function asCount(value: unknown): number | undefined {
  const isDigits = typeof value === 'string' && value.length <= 20 && value.trim() !== '';
  const number = isDigits ? Number(value) : value;
  if (typeof number !== 'number' || !(number >= 0 && number <= MOST_COUNTED)) return undefined;
  return Math.round(number);
}

/** Objects of one text: they are taken in one go. */
const MOST_OBJECTS = 10_000;

/**
 * The objects that stand in a text one after the other, with whatever between them: `most` of them. It looks
 * at each character once, whatever is left open.
 */
export function objectsIn(text: string, most = MOST_OBJECTS): string[] {
  const found: string[] = [];
  let depth = 0;
  let from = 0;
  for (let at = 0; at < text.length && found.length < most; at += 1) {
    const code = text.charCodeAt(at);
    // Between objects a quotation mark may stand alone.
    if (code === QUOTE && depth > 0) at = endOfString(text, at + 1);
    else if (code === OPENING) {
      if (depth === 0) from = at;
      depth += 1;
    } else if (code === CLOSING && depth > 0) {
      depth -= 1;
      if (depth === 0) found.push(text.slice(from, at + 1));
    }
  }
  return found;
}

const [QUOTE, OPENING, CLOSING] = [0x22, 0x7b, 0x7d] as const;
