/**
 * The file of an exported memory: lines of JSON. First a header, then the window's messages, then exchanges,
 * oldest first, and at the end a line with their counts: a file without it has been cut off. docs/PRIVACY.md
 * describes it.
 */
import { z } from 'zod';
import { jsonBytes, MAX_REPLY_BYTES, MAX_TEXT_LENGTH } from '../../domain/bounds.ts';
import { assertEmbedding, InvalidEmbeddingError } from '../../domain/embedding.ts';
import { hasAtMost } from '../../lib/characters.ts';
import { decodeEmbedding } from '../embedding/embedding-codec.ts';
import { WINDOW_SIZE } from '../window/window.ts';

export const FORMAT = 'konstruct-memory';
export const FORMAT_VERSION = 1;
/** Embeddings of another model can't be compared with ours. */
export const MODEL = 'all-MiniLM-L6-v2';

/** Bytes after which an export ends its part of the file; the client asks for the next part. */
export const EXPORT_PART_BYTES = 16_000_000;
/**
 * The largest file that an import takes. Every part of an export fits, and over a slow line or on a busy
 * machine it is taken in within the 30 s that a request has.
 */
export const MAX_IMPORT_BYTES = 32_000_000;
/**
 * Longer than the longest exchange with the embeddings of all its passages, which takes some 620,000 bytes:
 * 192,000 for the message, 200,000 for the reply, and 2,200 for each of 100 passages.
 */
export const MAX_LINE_BYTES = 1_000_000;

/** A stored passage's vector has half precision, which leaves its length inexact. */
const LENGTH_ROUNDING = 1e-3;
/** More than two messages can be cut into. */
const MAX_PASSAGES = 100;
/**
 * Characters that the passages of an exchange hold together. A short message belongs to each passage of a
 * long one: the most there can be is 200,000 of a reply, and 48 times 1,400.
 */
const MAX_PASSAGE_CHARACTERS = 300_000;
/** Objects, lists and values of a line, and a key's length: twice as many as an exchange has, see above. */
export const MOST_OF_A_LINE = { values: 2_000, nameLength: 100 };

/** Text that Postgres and UTF-8 can hold. */
const text = z
  .string()
  .refine((value) => !value.includes('\u0000'), 'must not contain NUL characters')
  .refine((value) => value.isWellFormed(), 'must be well-formed Unicode (it has a lone surrogate)');

const role = z.enum(['user', 'assistant']);

/** No longer than what a turn may carry: whatever reads memory counts on it. */
function withinTurn(said: { role: 'user' | 'assistant'; text: string }, context: z.RefinementCtx): void {
  const isUser = said.role === 'user';
  const fits = isUser
    ? hasAtMost(MAX_TEXT_LENGTH, said.text)
    : said.text.length * 6 <= MAX_REPLY_BYTES || jsonBytes(said.text) <= MAX_REPLY_BYTES;
  const most = isUser
    ? `${MAX_TEXT_LENGTH.toLocaleString('en')} characters`
    : `${MAX_REPLY_BYTES.toLocaleString('en')} bytes`;
  if (!fits) context.addIssue({ code: 'custom', path: ['text'], message: `must be at most ${most}` });
}

/** Base64 of 384 little-endian float32; a unit vector, since recall compares by inner product. */
const embedding = z.string().transform((encoded, context) => {
  try {
    const numbers = decodeEmbedding(encoded);
    assertEmbedding(numbers);
    const length = Math.sqrt(numbers.reduce((sum, value) => sum + value * value, 0));
    if (Math.abs(length - 1) <= LENGTH_ROUNDING) return numbers;
    context.addIssue('must be a vector of length 1');
  } catch (error) {
    if (!(error instanceof InvalidEmbeddingError)) throw error;
    context.addIssue(error.message);
  }
  return z.NEVER;
});

/** Characters [from, to) of a message, as JavaScript counts them. */
const span = z
  .tuple([z.int().min(0), z.int().min(0)])
  .refine(([from, to]) => from <= to, 'must not end before it begins');

const smallint = z.int().min(0).max(32_767);
const passage = z.strictObject({
  part: smallint,
  user: span,
  reply: span,
  embedding,
  /** Of the code that has cut and embedded it; 0 when it isn't there. */
  version: smallint.optional(),
});

/** As far as another machine's clock may be ahead. */
const CLOCKS_APART_MS = 86_400_000;

/**
 * To the millisecond, as an export writes it; Postgres has no year 0. What is of a time to come would be the
 * newest for ever, and no retention would end it.
 */
const at = z.iso
  .datetime({ precision: 3 })
  .refine((time) => time >= '0001-01-01T00:00:00.000Z', 'must be a time that a message can have')
  .refine((time) => Date.parse(time) <= Date.now() + CLOCKS_APART_MS, 'must be no time to come');

const message = z.strictObject({ role, at, text, embedding: embedding.optional() }).superRefine(withinTurn);

const header = z.strictObject({
  type: z.literal('header'),
  format: z.literal(FORMAT),
  version: z.literal(FORMAT_VERSION),
  model: z.literal(MODEL),
  exportedAt: z.iso.datetime(),
  tenantId: z.guid(),
  agentId: z.guid(),
  userId: z.string(),
});

const windowMessage = z
  .strictObject({
    type: z.literal('window'),
    role,
    text,
    /** Its exchange, which recall leaves out while the message stands in the window. */
    exchange: text.max(200).optional(),
  })
  .superRefine(withinTurn);

const exchange = z
  .strictObject({
    type: z.literal('exchange'),
    id: z.guid(),
    messages: z.array(message).min(1).max(2),
    passages: z.array(passage).max(MAX_PASSAGES).optional(),
  })
  .superRefine(({ messages, passages = [] }, context) => {
    if (messages[0]?.role === messages[1]?.role) {
      context.addIssue({ code: 'custom', path: ['messages'], message: 'must be of different roles' });
    }
    if (new Set(passages.map(({ part }) => part)).size < passages.length) {
      context.addIssue({ code: 'custom', path: ['passages'], message: 'must have different parts' });
    }
    const lengthOf = (wanted: 'user' | 'assistant') =>
      messages.find((given) => given.role === wanted)?.text.length ?? 0;
    const fits = passages.every(
      ({ user, reply }) => user[1] <= lengthOf('user') && reply[1] <= lengthOf('assistant'),
    );
    if (!fits) context.addIssue({ code: 'custom', path: ['passages'], message: 'must lie within the texts' });
    const held = passages.reduce((sum, { user, reply }) => sum + user[1] - user[0] + reply[1] - reply[0], 0);
    if (held > MAX_PASSAGE_CHARACTERS) {
      const message = `must hold at most ${MAX_PASSAGE_CHARACTERS.toLocaleString('en')} characters together`;
      context.addIssue({ code: 'custom', path: ['passages'], message });
    }
  });

const end = z.strictObject({
  type: z.literal('end'),
  exchanges: z.int().min(0),
  windowMessages: z.int().min(0).max(WINDOW_SIZE),
  /** Where the next part of the export begins; null in the last. */
  nextCursor: z.string().nullable(),
});

export const exportLine = z.discriminatedUnion('type', [header, windowMessage, exchange, end]);
/** A line as it is written. */
export type WrittenLine = z.input<typeof exportLine>;
export type ExportHeader = z.output<typeof header>;
export type ExportedExchange = z.output<typeof exchange>;
export type WrittenExchange = z.input<typeof exchange>;
/** The staged form of an exchange. */
export const exchangeLine = exchange;
/** The staged form of a window. */
export const windowLines = z.array(windowMessage);
export type ExportedWindowMessage = z.output<typeof windowMessage>;
