/** How the console takes a memory along that comes in parts. */
import '../support/page-requests.ts';
import { afterEach, expect, jest, test } from '@jest/globals';
import { exportFiles } from '../../console/src/api/memory-export.ts';

const original = globalThis.fetch;
afterEach(() => {
  globalThis.fetch = original;
});

const end = (nextCursor: string | null) =>
  `${JSON.stringify({ type: 'end', exchanges: 1, windowMessages: 0, nextCursor })}\n`;
const exchange = (text: string) => `${JSON.stringify({ type: 'exchange', messages: [{ text }] })}\n`;

/** Answers with these parts, one after the other, and writes down what was asked for. */
function answering(...parts: string[]): string[] {
  const asked: string[] = [];
  globalThis.fetch = jest.fn((request: string | URL | Request) => {
    if (!(request instanceof Request)) throw new Error('not sent by the client of the API');
    asked.push(new URL(request.url).search);
    const part = parts[asked.length - 1];
    if (part === undefined) throw new Error('asked too often');
    return Promise.resolve(new Response(part, { headers: { 'content-type': 'application/x-ndjson' } }));
  });
  return asked;
}

async function taken(userId = 'ada') {
  let bytes = 0;
  const files: Array<{ name: string; text: string }> = [];
  const onBytes = (more: number) => void (bytes += more);
  const scope = { agentId: 'a', userId };
  for await (const { name, contents } of exportFiles({ scope, embeddings: false, onBytes }))
    files.push({ name, text: await contents.text() });
  return { bytes, files };
}

test('a memory that fits into a part is one file', async () => {
  const asked = answering(exchange('Hi') + end(null));
  const { bytes, files } = await taken('slack:T1:U1');
  expect(files).toEqual([{ name: 'memory-of-slack-T1-U1.jsonl', text: exchange('Hi') + end(null) }]);
  expect(bytes).toBe(files[0]?.text.length);
  expect(asked).toEqual(['?embeddings=false']);
});

test('each further part is asked for by the cursor before it, and is a file of its own', async () => {
  // A part is longer than what is looked through for its last line.
  const parts = [
    exchange('x'.repeat(10_000)) + end('c1'),
    exchange('b') + end('c2'),
    exchange('c') + end(null),
  ];
  const asked = answering(...parts);
  expect((await taken()).files).toEqual(
    parts.map((text, index) => ({ name: `memory-of-ada.part-00${index + 1}.jsonl`, text })),
  );
  expect(asked.map((search) => new URLSearchParams(search).get('cursor'))).toEqual([null, 'c1', 'c2']);
});

test.each([
  ['within a line', exchange('x'.repeat(10_000)).slice(0, 8_000)],
  ['after a line', exchange('x')],
  ['at its beginning', ''],
])('a part that was cut off %s is no file', async (_, cutOff) => {
  answering(exchange('a') + end('c1'), cutOff);
  await expect(taken()).rejects.toMatchObject({ problem: { title: 'Cut off' } });
});
