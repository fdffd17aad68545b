/** A memory goes to another tenant as a file, and recalls there what it recalled here. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Scope } from '../../src/domain/conversation.ts';
import { encodeEmbedding } from '../../src/memory/embedding/embedding-codec.ts';
import { axis } from '../support/embeddings.ts';
import { eventually } from '../support/eventually.ts';
import { memoryOf } from '../support/memory.ts';
import { startSystem, type System } from '../support/system.ts';
import {
  emptyPlace,
  exported,
  fileOf,
  imported,
  linesOf,
  sendImport,
  textsOf,
  type Place,
} from '../support/transfer.ts';

let system: System;
beforeAll(async () => {
  system = await startSystem();
});
afterAll(() => system.stop());

const memory = (scope: Scope) => memoryOf({ ...system, pool: system.database.pool }, scope);

const newPlace = () => emptyPlace(system.database.pool);
const exportOf = ({ caller, scope }: Place, query = '') => exported(system, caller, scope.userId, query);
const importInto = ({ caller, scope }: Place, file: string) => imported(system, caller, scope.userId, file);
const send = ({ caller, scope }: Place, file: string | Buffer, headers = {}) =>
  sendImport(system, caller, scope.userId, file, headers);

/** What lies in the database of a tenant. */
async function rowsOf({ scope }: Place): Promise<Record<string, number>> {
  const { rows } = await system.database.admin.query<Record<string, number>>(
    `SELECT (SELECT count(*)::int FROM conversation_embeddings WHERE tenant_id = $1) AS messages,
            (SELECT count(*)::int FROM exchange_passages WHERE tenant_id = $1) AS passages,
            (SELECT count(*)::int FROM memory_imports WHERE tenant_id = $1) AS imports,
            (SELECT count(*)::int FROM memory_import_lines WHERE tenant_id = $1) AS lines`,
    [scope.tenantId],
  );
  return rows[0] ?? {};
}
const NOTHING = { messages: 0, passages: 0, imports: 0, lines: 0 };

const LONG = Array.from({ length: 60 }, (_, i) => `On shelf ${i} lie the boxes of winter ${1950 + i}.`);
const TURNS = [
  { user: 'My sister Ilse lives in Graz.', reply: 'Noted: Ilse, Graz.' },
  { user: 'I am allergic to peanuts.', reply: 'I will remember that.' },
  { user: 'Wir feiern am 3. März in der Schmiede.', reply: 'Schön, in der Schmiede!' },
  { user: `The cellar: ${LONG.join(' ')} The key hangs behind the clock.`, reply: 'A full cellar.' },
  { user: 'Do I like tea?', reply: 'I don’t know.' },
];
const QUESTIONS = [
  'Where does my sister live?',
  'What must I not eat?',
  'Where hangs the key of the cellar?',
  'Wo feiern wir?',
];

/** What is recalled for the questions, and with which scores. */
const recallOf = async ({ scope }: Place) => {
  const answers = [];
  for (const question of QUESTIONS) {
    const { recalled, receipt } = await memory(scope).ask(question);
    const match = receipt?.match;
    answers.push({
      match,
      recalled: recalled.map(({ content, role, score, cosine, lexical, rank }) => ({
        content,
        role,
        score,
        cosine,
        lexical,
        rank,
      })),
    });
  }
  return answers;
};

describe('a memory that goes to a new tenant', () => {
  let old: Place;
  let file: string;
  beforeAll(async () => {
    old = await newPlace();
    await memory(old.scope).tell(...TURNS);
    file = await exportOf(old);
  });

  test.each([
    ['with its embeddings', ''],
    ['without embeddings', '?embeddings=false'],
  ])('%s recalls the same with the same scores', async (_, query) => {
    const fresh = await newPlace();
    const done = await importInto(fresh, await exportOf(old, query));
    expect(done).toMatchObject({ state: 'done', exchanges: TURNS.length, stored: TURNS.length });
    const before = await recallOf(old);
    expect(before.every(({ recalled }) => recalled.length > 0)).toBe(true);
    expect(await recallOf(fresh)).toEqual(before);
  });

  test('is doubled neither by a second import, nor by coming back', async () => {
    const fresh = await newPlace();
    await importInto(fresh, file);
    const once = await rowsOf(fresh);
    expect(await importInto(fresh, file)).toMatchObject({ exchanges: TURNS.length, stored: 0 });
    expect(await rowsOf(fresh)).toEqual({ ...once, imports: 2 });
    const back = await importInto(old, await exportOf(fresh));
    expect(back).toMatchObject({ exchanges: TURNS.length, stored: 0 });
  });

  test('goes in parts, of which each is a file', async () => {
    const fresh = await newPlace();
    const [header, first, ...others] = linesOf(file);
    const end = { type: 'end', exchanges: 1, windowMessages: 0, nextCursor: 'later' };
    const part = await send(fresh, fileOf([header ?? {}, first ?? {}, end]));
    expect([part.status, part.body['isLastPart']]).toEqual([202, false]);
    const rest = { ...end, exchanges: TURNS.length - 1, nextCursor: null };
    const lines = fileOf([header ?? {}, ...others.slice(0, -1), rest]);
    expect(await importInto(fresh, lines)).toMatchObject({ stored: TURNS.length - 1 });
    expect((await send(fresh, lines)).body['isLastPart']).toBe(true);
    await eventually(async () => (await rowsOf(fresh))['messages'] === 2 * TURNS.length);
    expect(linesOf(await exportOf(fresh)).map(({ messages }) => textsOf(messages))).toEqual(
      linesOf(file).map(({ messages }) => textsOf(messages)),
    );
  });

  test('is readable', () => {
    const lines = linesOf(file);
    expect(lines.map(({ type }) => type)).toEqual(['header', ...TURNS.map(() => 'exchange'), 'end']);
    expect(lines.at(1)).toMatchObject({
      messages: [
        { role: 'user', text: 'My sister Ilse lives in Graz.' },
        { role: 'assistant', text: 'Noted: Ilse, Graz.' },
      ],
    });
    expect(lines.at(-1)).toEqual({
      type: 'end',
      exchanges: TURNS.length,
      windowMessages: 0,
      nextCursor: null,
    });
  });

  test('of an unknown agent, and of another tenant’s, is not found', async () => {
    const stranger = await newPlace();
    const theirs = { caller: { ...stranger.caller, agentId: old.caller.agentId }, scope: old.scope };
    await expect(exportOf(theirs)).rejects.toThrow(/^404/);
    expect(await send(theirs, file)).toMatchObject({ status: 404 });
    const { importId } = await importInto(stranger, file);
    const { status } = await system.request('GET', `/v1/imports/${String(importId)}`);
    expect(status).toBe(404);
  });

  test.each([
    ['cut off after a line', (lines: string[]) => lines.slice(0, 3), 4, /no end, so it was cut off/],
    [
      'cut off within a line',
      (lines: string[]) => [...lines.slice(0, 3), lines[3]?.slice(0, 90) ?? ''],
      4,
      /JSON/,
    ],
    ['without a header', (lines: string[]) => lines.slice(1), 1, /header of an exported memory/],
    ['of another kind', () => ['{"role": "user", "content": "hello"}'], 1, /header of an exported memory/],
    ['without a line in its middle', (lines: string[]) => lines.toSpliced(2, 1), 6, /counts 5 .* has 4/],
    ['that goes on after its end', (lines: string[]) => [...lines, ...lines.slice(1, 2)], 8, /after the end/],
  ])('is refused with its line and leaves nothing: %s', async (_, change, line, problem) => {
    const fresh = await newPlace();
    const lines = file.trimEnd().split('\n');
    const { status, body } = await send(fresh, change(lines).join('\n'));
    expect(status).toBe(400);
    expect(body).toMatchObject({
      errors: [{ field: `line ${line}`, problem: expect.stringMatching(problem) }],
    });
    expect(await rowsOf(fresh)).toEqual(NOTHING);
  });

  test.each([
    ['not of 384 numbers', encodeEmbedding(Float32Array.from([1])), /1536 bytes/],
    ['not finite', encodeEmbedding(Float32Array.from(axis(0), (x) => x || NaN)), /finite/],
    ['all zeros', encodeEmbedding(new Float32Array(384)), /zeros/],
    ['too long', encodeEmbedding(Float32Array.from(axis(0), (x) => 2 * x)), /length 1/],
  ])('is refused when an embedding is %s', async (_, embedding, problem) => {
    const fresh = await newPlace();
    const lines = linesOf(file);
    const [message] = lines[2]?.['messages'] as object[];
    const forged = lines.with(2, { ...lines[2], type: 'exchange', messages: [{ ...message, embedding }] });
    const { status, body } = await send(fresh, fileOf(forged));
    expect(status).toBe(400);
    expect(body['detail']).toMatch(new RegExp(`^line 3 messages.0.embedding: .*${problem.source}`));
    expect(await rowsOf(fresh)).toEqual(NOTHING);
  });

  test.each([
    '0000-01-01T00:00:00.000Z',
    '2026-11-02T09:00:00.123456Z',
    '2026-02-30T00:00:00.000Z',
    'today',
    '9999-01-01T00:00:00.000Z',
  ])('is refused when a message is of %s', async (at) => {
    const fresh = await newPlace();
    const lines = linesOf(file);
    const [message] = lines[2]?.['messages'] as object[];
    const forged = lines.with(2, { ...lines[2], type: 'exchange', messages: [{ ...message, at }] });
    const { status, body } = await send(fresh, fileOf(forged));
    expect([status, body['detail']]).toEqual([400, expect.stringMatching(/^line 3 messages\.0\.at: /)]);
    expect(await rowsOf(fresh)).toEqual(NOTHING);
  });

  test('is refused when it is no file of ours: compressed, of another type, not UTF-8', async () => {
    const fresh = await newPlace();
    expect(await send(fresh, file, { 'content-encoding': 'gzip' })).toMatchObject({ status: 415 });
    expect(await send(fresh, '{}', { 'content-type': 'application/json' })).toMatchObject({ status: 415 });
    const { status, body } = await send(fresh, Buffer.from([0xff, 0x0a]));
    expect([status, body['detail']]).toEqual([400, 'line 1 must be UTF-8']);
    expect(await rowsOf(fresh)).toEqual(NOTHING);
  });

  test('is refused with its line when a line, or all of it, is too long', async () => {
    const fresh = await newPlace();
    const [header = ''] = file.split('\n');
    const [, exchange = ''] = file.split('\n');
    const many = Buffer.from(`${header}\n${`${exchange}\n`.repeat(32_000_000 / exchange.length + 1)}`);
    const long = await send(fresh, `${header}\n${'x'.repeat(1_000_001)}`);
    expect([long.status, long.body['detail']]).toEqual([413, 'line 2 is longer than 1 MB']);
    const all = await send(fresh, many);
    expect(all.status).toBe(413);
    expect(all.body['detail']).toMatch(/^line \d+ is where the file gets longer than 32 MB/);
    expect(await rowsOf(fresh)).toEqual(NOTHING);
  }, 120_000);
});
