/** A message or a part of one: its text, and the thoughts that stand beside it in fields. */
import { asObject, asText, type Json } from './json.ts';
import type { Piece } from './piece.ts';

/** A `delta` or a `message`. */
export function readMessage(message: Json): Piece {
  const piece: Piece = {};
  const content = readParts(message['content'] ?? message['text']);
  if (content.text !== '') piece.text = content.text;
  const reasoning = content.reasoning + reasoningOf(message);
  if (reasoning !== '') piece.reasoning = reasoning;
  const refusal = asText(message['refusal']) ?? content.refusal;
  if (refusal) piece.refusal = refusal;
  return piece;
}

/** The first of the fields: servers that know two spellings say the same in both. */
function reasoningOf(message: Json): string {
  for (const name of [
    'reasoning_content',
    'reasoning',
    'thinking',
    'reasoning_text',
    'thinking_content',
    'thought',
    'thoughts',
    'reasoning_details',
    'thinking_blocks',
    'reasoning_summary',
  ]) {
    const text = thoughtIn(message[name]);
    if (text !== '') return text;
  }
  return '';
}

/** A thought as a text, as a part, or as a list of either. */
export function thoughtIn(value: unknown): string {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return value.map(thoughtIn).join('');
  const part = asObject(value);
  for (const name of [
    'thinking',
    'text',
    'summary',
    'reasoning',
    'reasoning_content',
    'reasoningText',
    'content',
  ]) {
    const text = part ? thoughtIn(part[name]) : '';
    if (text !== '') return text;
  }
  return '';
}

/** A content: a text, or a list of parts. */
export function readParts(content: unknown): { text: string; reasoning: string; refusal: string } {
  const read = { text: '', reasoning: '', refusal: '' };
  if (typeof content === 'string') return { ...read, text: content };
  for (const entry of Array.isArray(content) ? content : [content]) {
    if (typeof entry === 'string') read.text += entry;
    const part = asObject(entry);
    if (!part) continue;
    const type = asText(part['type']) ?? '';
    const isThought = /think|reason/.test(type) || part['thought'] === true || part['thinking'] !== undefined;
    if (isThought) read.reasoning += thoughtIn(part);
    else if (part['reasoningContent']) read.reasoning += thoughtIn(part['reasoningContent']);
    else if (type === 'refusal') read.refusal += asText(part['refusal']) ?? '';
    else read.text += asText(part['text']) ?? asText(asObject(part['text'])?.['value']) ?? '';
  }
  return read;
}
