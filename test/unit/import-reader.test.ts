/** What a file may bring: nothing that no turn could have left. */
import { randomUUID } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { encodeEmbedding } from '../../src/memory/embedding/embedding-codec.ts';
import { MAX_LINE_BYTES } from '../../src/memory/transfer/format.ts';
import { createImportReader } from '../../src/memory/transfer/import-reader.ts';
import { axis } from '../support/embeddings.ts';
import { newScope } from '../support/services.ts';
import { splitExchange } from '../support/passages.ts';

const scope = newScope();
const header = (from = newScope()) => ({
  ...{ type: 'header', format: 'konstruct-memory', version: 1, model: 'all-MiniLM-L6-v2' },
  ...{ exportedAt: '2026-01-01T00:00:00Z', ...from },
});
const at = '2026-01-01T00:00:00.000Z';
const embedding = encodeEmbedding(Float32Array.from(axis(0)));
const user = (text: string) => ({ role: 'user', at, text, embedding });
const reply = (text: string) => ({ role: 'assistant', at, text, embedding });

/** Reads a line behind a header; gives what is wrong with it, or its ids. */
function read(line: object, from = newScope()) {
  const reader = createImportReader(scope);
  reader.read(JSON.stringify(header(from)));
  try {
    return reader.read(JSON.stringify(line))?.ids ?? 'read';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
const exchange = (messages: object[], passages?: object[]) =>
  read({ type: 'exchange', id: randomUUID(), messages, ...(passages && { passages }) });

test('a text is as long as a turn’s at most', () => {
  expect(exchange([user('\u{1f469}'.repeat(32_000)), reply('\u0001'.repeat(33_333))])).toHaveProperty('anew');
  expect(exchange([user('x'.repeat(32_001))])).toBe('messages.0.text: must be at most 32,000 characters');
  expect(exchange([reply('x'.repeat(200_001))])).toBe('messages.0.text: must be at most 200,000 bytes');
  expect(exchange([reply('漢'.repeat(66_667))])).toBe('messages.0.text: must be at most 200,000 bytes');
  const window = (role: string, text: string) => read({ type: 'window', role, text });
  expect(window('assistant', 'x'.repeat(200_000))).toBe('read');
  expect(window('user', 'x'.repeat(32_001))).toBe('text: must be at most 32,000 characters');
  expect(window('assistant', 'x'.repeat(200_001))).toBe('text: must be at most 200,000 bytes');
});

test('passages hold as many characters together as those of the longest exchange', () => {
  const messages = [user('x'.repeat(30_000)), reply('y'.repeat(190_000))];
  const spans = (count: number, to: number) =>
    Array.from({ length: count }, (_, part) => ({ part, user: [0, 0], reply: [0, to], embedding }));
  expect(exchange(messages, spans(30, 10_000))).toHaveProperty('anew');
  expect(exchange(messages, spans(31, 10_000))).toBe(
    'passages: must hold at most 300,000 characters together',
  );
  expect(exchange(messages, spans(1, 190_001))).toBe('passages: must lie within the texts');
});

test.each([
  ['a long reply beside the longest short message', 'w '.repeat(180), 'word and word. '.repeat(13_300)],
  ['two of the longest', '\u{1f469}\u200d\u{1f4bb} '.repeat(8_000), 'word and word. '.repeat(13_300)],
  ['characters of six bytes', '\u0001'.repeat(32_000), '\u0001'.repeat(33_333)],
])('the longest exchanges of turns are taken, and fit into a line: %s', (_, said, answered) => {
  const passages = splitExchange(said, answered).map((passage, part) => ({
    part,
    user: [passage.user.from, passage.user.to],
    reply: [passage.reply.from, passage.reply.to],
    embedding,
  }));
  const messages = [user(said), reply(answered)];
  expect(exchange(messages, passages)).toHaveProperty('anew');
  const line = JSON.stringify({ type: 'exchange', id: randomUUID(), messages, passages });
  expect(Buffer.byteLength(line)).toBeLessThan(0.7 * MAX_LINE_BYTES);
});

test.each(['a\u0000b', '\ud800'])('a window’s exchange is text that a database holds: %j', (id) => {
  expect(read({ type: 'window', role: 'user', text: 'x', exchange: id })).toMatch(/^exchange: must /);
});

test('an exchange keeps its own id at most where it comes back into its scope', () => {
  const line = { type: 'exchange', id: randomUUID(), messages: [user('x')] };
  expect(read(line)).toEqual({ anew: expect.any(String) });
  expect(read(line, scope)).toEqual({ own: line.id, anew: expect.any(String) });
});
