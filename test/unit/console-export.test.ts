/** How the console takes a memory along that comes in parts. */
import '../support/page-requests.ts';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { exportFiles } from '../../console/src/api/memory-export.ts';

const original = globalThis.fetch;
/** How long was waited between two tries. */
let pauses: number[] = [];
beforeEach(() => {
  pauses = [];
  const now = globalThis.setTimeout;
  jest.spyOn(globalThis, 'setTimeout').mockImplementation((go, ms = 0) => {
    pauses.push(ms);
    return now(go, 0);
  });
});
afterEach(() => {
  jest.restoreAllMocks();
  globalThis.fetch = original;
});

const end = (nextCursor: string | null) =>
  `${JSON.stringify({ type: 'end', exchanges: 1, windowMessages: 0, nextCursor })}\n`;
const exchange = (text: string) => `${JSON.stringify({ type: 'exchange', messages: [{ text }] })}\n`;

/** Answers with these parts, one after the other, and writes down what was asked for. */
function answering(...parts: Array<string | Response | Error>): string[] {
  const asked: string[] = [];
  globalThis.fetch = jest.fn((request: string | URL | Request) => {
    if (!(request instanceof Request)) throw new Error('not sent by the client of the API');
    asked.push(new URL(request.url).search);
    const part = parts[asked.length - 1];
    if (part === undefined) throw new Error('asked too often');
    if (part instanceof Error) return Promise.reject(part);
    if (part instanceof Response) return Promise.resolve(part);
    return Promise.resolve(new Response(part, { headers: { 'content-type': 'application/x-ndjson' } }));
  });
  return asked;
}

async function taken(userId = 'ada', signal = new AbortController().signal) {
  let bytes = 0;
  const files: Array<{ name: string; text: string }> = [];
  const onBytes = (more: number) => void (bytes += more);
  const scope = { agentId: 'a', userId };
  for await (const { name, contents } of exportFiles({ scope, embeddings: false, onBytes, signal }))
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
  const asked = answering(exchange('a') + end('c1'), ...Array<string>(5).fill(cutOff));
  await expect(taken()).rejects.toMatchObject({ problem: { title: 'Cut off' } });
  expect(asked).toHaveLength(6);
});

const refused = (status: number, headers?: Record<string, string>) =>
  new Response(JSON.stringify({ title: 'No', detail: 'Not now.', status }), {
    status,
    ...(headers && { headers }),
  });

test('a part that does not come is asked for again, after as long as the API says', async () => {
  const parts = [exchange('a') + end('c1'), exchange('b') + end(null)] as const;
  const asked = answering(
    parts[0],
    refused(429, { 'Retry-After': '10' }),
    new TypeError('Failed to fetch'),
    exchange('cut off'),
    refused(503),
    parts[1],
  );
  const { bytes, files } = await taken();
  expect(files.map(({ text }) => text)).toEqual(parts);
  expect(bytes).toBe(parts.join('').length);
  expect(asked.slice(1)).toEqual(Array(5).fill('?embeddings=false&cursor=c1'));
  expect(pauses.filter((ms) => ms > 0)).toEqual([10_000, 5_000, 5_000, 5_000]);
});

test('what is refused is not asked for again', async () => {
  const asked = answering(exchange('a') + end('c1'), refused(403));
  await expect(taken()).rejects.toMatchObject({ problem: { status: 403 } });
  expect(asked).toHaveLength(2);
});

test('whoever leaves the page asks for nothing more', async () => {
  const leaving = new AbortController();
  const asked = answering(exchange('a') + end('c1'), new TypeError('Failed to fetch'));
  jest.spyOn(globalThis, 'setTimeout').mockImplementation(() => {
    queueMicrotask(() => leaving.abort());
    return undefined as never;
  });
  await expect(taken('ada', leaving.signal)).rejects.toThrow('aborted');
  expect(asked).toHaveLength(2);
});
