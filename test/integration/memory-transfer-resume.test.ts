/** An import that breaks off goes on, or has never been. */
import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import type { Client } from '@temporalio/client';
import { MockActivityEnvironment } from '@temporalio/testing';
import { createImportMemory } from '../../src/activities/import-memory.ts';
import { SYSTEM } from '../../src/db/audit.ts';
import type { Scope } from '../../src/domain/conversation.ts';
import { InvalidEmbeddingError } from '../../src/domain/embedding.ts';
import { FAILURE } from '../../src/domain/failures.ts';
import { createLongWork } from '../../src/lib/long-work.ts';
import { acceptImport } from '../../src/intake/accept-import.ts';
import { lazyClient } from '../../src/temporal/connection.ts';
import { exportMemory } from '../../src/memory/transfer/export-memory.ts';
import { findImport, MAX_TRIES } from '../../src/memory/transfer/staged-imports.ts';
import { hashEmbedder } from '../support/embeddings.ts';
import { memoryOf, startMemories } from '../support/memory.ts';
import { encryptionConfig, newScope, temporalConfig } from '../support/services.ts';
import { emptyPlace, fileOf } from '../support/transfer.ts';

const embedder = hashEmbedder();
let services: Awaited<ReturnType<typeof startMemories>>;
let temporal: Client;
let file: string;
beforeAll(async () => {
  services = await startMemories();
  temporal = lazyClient(temporalConfig(), encryptionConfig().keys);
  const old = newScope();
  await memoryOf({ ...services, embedder }, old).tell(
    ...Array.from({ length: 30 }, (_, i) => ({ user: `question ${i}`, reply: `answer ${i}` })),
  );
  const options = { window: [], embeddings: false, toCursor: () => 'unused' };
  file = (await Array.fromAsync(exportMemory(services.pool, old, options))).join('');
});
afterAll(async () => {
  await temporal.connection.close();
  await services.stop();
});

const longWork = createLongWork();
const accept = (scope: Scope, lines: string) =>
  acceptImport(
    { pool: services.pool, temporal, longWork },
    scope,
    { body: Readable.from([Buffer.from(lines)]) },
    SYSTEM,
  );

async function accepted(lines = file) {
  const { scope } = await emptyPlace(services.pool);
  const outcome = await accept(scope, lines);
  if (outcome.kind !== 'accepted') throw new Error(outcome.kind);
  return { scope, key: { tenantId: scope.tenantId, importId: outcome.importId } };
}

const WINDOW_BYTES = 200_000_000;

/** The steps, and the texts that they gave to the model. The model is away while it is `failing`. */
const importer = (failing: (count: number) => boolean = () => false) => {
  const embedded: string[] = [];
  const embed: typeof embedder.embed = async (...text) => {
    if (failing(embedded.length)) throw new Error('the model is away');
    embedded.push(text[0]);
    return embedder.embed(...text);
  };
  return {
    embedded,
    ...createImportMemory({ ...services, windowBytes: WINDOW_BYTES, embedder: { ...embedder, embed } }),
  };
};
const run = <I, O>(step: (input: I) => Promise<O>, input: I): Promise<O> =>
  new MockActivityEnvironment({ scheduledTimestampMs: Date.now() }).run(step, input);

const messagesOf = async (tenantId: string) => {
  const { rows } = await services.database.admin.query<{ count: number }>(
    'SELECT count(*)::int AS count FROM conversation_embeddings WHERE tenant_id = $1',
    [tenantId],
  );
  return rows[0]?.count;
};

test('a slice that fails keeps what it has stored, and the next try goes on behind it', async () => {
  const { scope, key } = await accepted();
  const { importSlice } = importer((count) => count >= 40);
  await expect(run(importSlice, key)).rejects.toThrow('the model is away');
  expect(await messagesOf(scope.tenantId)).toBe(32);
  const { importSlice: again, finishImport, embedded } = importer();
  expect(await run(again, key)).toEqual({ lines: 14 });
  expect(embedded).toHaveLength(28);
  expect(await run(again, key)).toEqual({ lines: 0 });
  expect(await run(finishImport, key)).toEqual({ exchanges: 30, stored: 30 });
  expect(await messagesOf(scope.tenantId)).toBe(60);
});

/** A file of exchanges with these messages of the user, and without embeddings. */
function fileWith(texts: readonly string[]): string {
  const [header = ''] = file.split('\n');
  const lines = texts.map((text, i) => ({
    ...{ type: 'exchange', id: randomUUID() },
    messages: [{ role: 'user', at: new Date(Date.UTC(2026, 0, 1, 0, 0, i)).toISOString(), text }],
  }));
  const end = { type: 'end', exchanges: texts.length, windowMessages: 0, nextCursor: null };
  return `${header}\n${fileOf([...lines, end])}`;
}

test('a slice ends with the texts that the model reads in some seconds, not with its characters', async () => {
  const texts = Array.from({ length: 125 }, (_, i) => `${i} ${'각 '.repeat(1_000)}`);
  const { scope, key } = await accepted(fileWith(texts));
  const { importSlice, embedded } = importer();
  const slices: number[] = [];
  let lines: number;
  do {
    const before = embedded.length;
    ({ lines } = await run(importSlice, key));
    slices.push(embedded.length - before);
  } while (lines > 0);
  // The model takes a fifth of a second for each of the longest it can read.
  expect(Math.max(...slices)).toBeLessThan(100);
  expect(slices.length).toBeGreaterThan(5);
  expect(await messagesOf(scope.tenantId)).toBe(125);
});

const triesOf = async ({ key }: { key: { importId: string } }) => {
  const { rows } = await services.database.admin.query<{ tries: number }>(
    'SELECT tries FROM memory_imports WHERE id = $1',
    [key.importId],
  );
  return rows[0]?.tries;
};

test('an import that can’t be stored ends after enough tries, says so, and gives its place back', async () => {
  const [stuck, failing] = [await accepted(), await accepted()];
  const half = importer((count) => count >= 20);
  for (let tries = 0; tries < 3; tries += 1)
    await expect(run(half.importSlice, stuck.key)).rejects.toThrow('the model is away');
  // The first has stored some, and those after it nothing.
  expect(await triesOf(stuck)).toBe(2);
  for (const { key } of [stuck, failing])
    await services.database.admin.query('UPDATE memory_imports SET tries = $2 WHERE id = $1', [
      key.importId,
      MAX_TRIES - 1,
    ]);
  expect(await run(importer().importSlice, stuck.key)).toEqual({ lines: 22 });
  expect(await triesOf(stuck)).toBe(0);
  const broken = importer(() => true);
  await expect(run(broken.importSlice, failing.key)).rejects.toThrow('the model is away');
  expect(await run(broken.importSlice, failing.key)).toEqual({ lines: 0 });
  expect(await run(broken.finishImport, failing.key)).toEqual({ exchanges: 30, stored: 0 });
  expect(await findImport(services.pool, failing.key)).toMatchObject({
    failed: true,
    finishedAt: expect.any(Date),
  });
  expect(await run(importer().importSlice, failing.key)).toEqual({ lines: 0 });
  const { rows } = await services.database.admin.query(
    'SELECT FROM memory_import_lines WHERE tenant_id = $1',
    [failing.scope.tenantId],
  );
  expect(rows).toEqual([]);
  expect(await messagesOf(failing.scope.tenantId)).toBe(0);
});

test('a tenant has four imports under way, however many files come at once and however old they are', async () => {
  const { scope } = await emptyPlace(services.pool);
  const many = await Promise.all(Array.from({ length: 8 }, () => accept(scope, file)));
  expect(many.map(({ kind }) => kind).toSorted()).toEqual([
    ...Array.from({ length: 4 }, () => 'accepted'),
    ...Array.from({ length: 4 }, () => 'busy'),
  ]);
  await services.database.admin.query(
    `UPDATE memory_imports SET created_at = now() - interval '2 days' WHERE tenant_id = $1`,
    [scope.tenantId],
  );
  expect(await accept(scope, file)).toEqual({ kind: 'busy' });
});

test('an exchange keeps an id of its scope; one that its scope does not have is made anew', async () => {
  const { scope } = await emptyPlace(services.pool);
  const [told] = await memoryOf({ ...services, embedder }, scope).tell({ user: 'My own', reply: 'Noted' });
  const options = { window: [], embeddings: false, toCursor: () => 'unused' };
  const own = (await Array.fromAsync(exportMemory(services.pool, scope, options))).map(
    (line) => JSON.parse(line) as object,
  );
  const foreign = randomUUID();
  const messages = [{ role: 'user', at: '2026-01-01T00:00:00.000Z', text: 'Not mine' }];
  const window = { type: 'window', role: 'user', text: 'Not mine', exchange: foreign };
  const forged = fileOf([
    ...[own[0] ?? {}, window, own[1] ?? {}, { type: 'exchange', id: foreign, messages }],
    { type: 'end', exchanges: 2, windowMessages: 1, nextCursor: null },
  ]);
  expect(await accept(scope, forged)).toMatchObject({ kind: 'accepted' });
  const { rows } = await services.database.admin.query<{ exchange_id: string; window: string }>(
    `SELECT exchange_id, window_messages AS window FROM memory_import_lines l
     JOIN memory_imports i ON i.tenant_id = l.tenant_id AND i.id = l.import_id
     WHERE l.tenant_id = $1 ORDER BY line`,
    [scope.tenantId],
  );
  const [kept, anew] = rows;
  expect(kept?.exchange_id).toBe(told?.messageId);
  expect(anew?.exchange_id).not.toBe(foreign);
  expect(JSON.parse(anew?.window ?? '[]')).toMatchObject([{ exchange: anew?.exchange_id }]);
});

test('a long file is checked piece by piece: others have their turns in between', async () => {
  const { scope } = await emptyPlace(services.pool);
  const long = fileWith(Array.from({ length: 100 }, (_, i) => `text ${i}`)).trimEnd();
  let [inOneGo, most] = [0, 0];
  let isRead = false;
  const others = (): void => {
    inOneGo = 0;
    if (!isRead) setImmediate(others);
  };
  const [parse, now] = [JSON.parse.bind(JSON), performance.now.bind(performance)];
  // Each line takes a millisecond longer than it does.
  let later = 0;
  const looking = jest.spyOn(performance, 'now').mockImplementation(() => now() + later);
  const parsing = jest.spyOn(JSON, 'parse').mockImplementation((text, reviver) => {
    later += 1;
    inOneGo += 1;
    most = Math.max(most, inOneGo);
    return parse(text, reviver) as unknown;
  });
  setImmediate(others);
  const body = Readable.from([Buffer.from(long)]);
  const outcome = await acceptImport({ pool: services.pool, temporal, longWork }, scope, { body }, SYSTEM);
  isRead = true;
  parsing.mockRestore();
  looking.mockRestore();
  expect(outcome).toMatchObject({ kind: 'accepted', exchanges: 100 });
  expect(most).toBeLessThanOrEqual(5);
});

test('no more texts wait for the model than its queue takes, and one that it can’t read is left out', async () => {
  const { scope, key } = await accepted();
  let [waiting, most] = [0, 0];
  const embed: typeof embedder.embed = async (...text) => {
    waiting += 1;
    most = Math.max(most, waiting);
    await new Promise((resolve) => setImmediate(resolve));
    waiting -= 1;
    if (text[0] === 'question 3') throw new InvalidEmbeddingError('embedding must not be all zeros');
    return embedder.embed(...text);
  };
  const { importSlice, finishImport } = createImportMemory({
    ...services,
    windowBytes: WINDOW_BYTES,
    embedder: { ...embedder, embed },
  });
  expect(await run(importSlice, key)).toEqual({ lines: 30 });
  expect(await run(importSlice, key)).toEqual({ lines: 0 });
  expect(await run(finishImport, key)).toEqual({ exchanges: 30, stored: 29 });
  expect(most).toBeLessThanOrEqual(2 * 8);
  expect(await messagesOf(scope.tenantId)).toBe(58);
});

test('an import ends once all of it is stored, whatever its slices are said to have done', async () => {
  const { scope, key } = await accepted();
  const { finishImport } = importer();
  expect(await run(finishImport, key)).toEqual({ exchanges: 30, stored: 30 });
  expect(await messagesOf(scope.tenantId)).toBe(60);
});

test('two attempts at the same moment store and count each exchange once', async () => {
  const { scope, key } = await accepted();
  const { importSlice, finishImport } = importer();
  await Promise.all([run(importSlice, key), run(importSlice, key), run(importSlice, key)]);
  const ended = await Promise.all([run(finishImport, key), run(finishImport, key)]);
  expect(ended).toEqual([
    { exchanges: 30, stored: 30 },
    { exchanges: 30, stored: 30 },
  ]);
  expect(await messagesOf(scope.tenantId)).toBe(60);
});

test('while Temporal is away an import is refused and nothing of it is kept', async () => {
  const { scope } = await emptyPlace(services.pool);
  const away = lazyClient({ ...temporalConfig(), address: '127.0.0.1:1' }, encryptionConfig().keys);
  const body = Readable.from([Buffer.from(file)]);
  await expect(
    acceptImport({ pool: services.pool, temporal: away, longWork }, scope, { body }, SYSTEM),
  ).rejects.toThrow();
  await away.connection.close();
  const { rows } = await services.database.admin.query(
    'SELECT tenant_id FROM memory_import_lines WHERE tenant_id = $1 UNION ALL SELECT tenant_id FROM memory_imports WHERE tenant_id = $1',
    [scope.tenantId],
  );
  expect(rows).toEqual([]);
});

test('an import that was deleted stores nothing more, not even its window, and takes its lines along', async () => {
  const { scope, key } = await accepted();
  await services.database.admin.query('DELETE FROM memory_imports WHERE tenant_id = $1 AND user_id = $2', [
    scope.tenantId,
    scope.userId,
  ]);
  const { importSlice, finishImport } = importer();
  for (const step of [importSlice, finishImport])
    await expect(run<typeof key, unknown>(step, key)).rejects.toMatchObject({ type: FAILURE.importNotThere });
  const { rows } = await services.database.admin.query(
    'SELECT line FROM memory_import_lines WHERE tenant_id = $1',
    [scope.tenantId],
  );
  expect(rows).toEqual([]);
  expect(await messagesOf(scope.tenantId)).toBe(0);
});

test('an import of another tenant, and one that never was, are not there', async () => {
  const { key } = await accepted();
  const { scope } = await emptyPlace(services.pool);
  const { importSlice } = importer();
  const foreign = { ...key, tenantId: scope.tenantId };
  await expect(run(importSlice, foreign)).rejects.toMatchObject({
    type: FAILURE.importNotThere,
    nonRetryable: false,
    category: 'BENIGN',
  });
  const forged = { ...key, importId: 'x' };
  await expect(run(importSlice, forged)).rejects.toMatchObject({
    type: FAILURE.importNotThere,
    nonRetryable: true,
  });
});
