/** An import that breaks off goes on, or has never been. */
import { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Client } from '@temporalio/client';
import { MockActivityEnvironment } from '@temporalio/testing';
import { createImportMemory } from '../../src/activities/import-memory.ts';
import { SYSTEM } from '../../src/db/audit.ts';
import { InvalidEmbeddingError } from '../../src/domain/embedding.ts';
import { FAILURE } from '../../src/domain/failures.ts';
import { acceptImport } from '../../src/intake/accept-import.ts';
import { lazyClient } from '../../src/temporal/connection.ts';
import { exportMemory } from '../../src/memory/transfer/export-memory.ts';
import { hashEmbedder } from '../support/embeddings.ts';
import { memoryOf, startMemories } from '../support/memory.ts';
import { encryptionConfig, newScope, temporalConfig } from '../support/services.ts';
import { emptyPlace } from '../support/transfer.ts';

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

async function accepted() {
  const { scope } = await emptyPlace(services.pool);
  const outcome = await acceptImport(
    { pool: services.pool, temporal },
    scope,
    Readable.from([Buffer.from(file)]),
    SYSTEM,
  );
  if (outcome.kind !== 'accepted') throw new Error(outcome.kind);
  return { scope, key: { tenantId: scope.tenantId, importId: outcome.importId } };
}

const importer = (failing = 0) => {
  let failuresLeft = failing;
  const embed: typeof embedder.embed = async (...text) => {
    if (failuresLeft > 0) {
      failuresLeft -= 1;
      throw new Error('the model is away');
    }
    return embedder.embed(...text);
  };
  return createImportMemory({ ...services, embedder: { ...embedder, embed } });
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

test('a slice that fails has stored nothing, and the next attempt stores all of it', async () => {
  const { scope, key } = await accepted();
  const { importSlice, finishImport } = importer(1);
  await expect(run(importSlice, key)).rejects.toThrow('the model is away');
  expect(await messagesOf(scope.tenantId)).toBe(0);
  expect(await run(importSlice, key)).toEqual({ lines: 30 });
  expect(await run(importSlice, key)).toEqual({ lines: 0 });
  expect(await run(finishImport, key)).toEqual({ exchanges: 30, stored: 30 });
  expect(await messagesOf(scope.tenantId)).toBe(60);
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
  const { importSlice, finishImport } = createImportMemory({ ...services, embedder: { ...embedder, embed } });
  expect(await run(importSlice, key)).toEqual({ lines: 30 });
  expect(await run(importSlice, key)).toEqual({ lines: 0 });
  expect(await run(finishImport, key)).toEqual({ exchanges: 30, stored: 29 });
  expect(most).toBeLessThanOrEqual(2 * 8);
  expect(await messagesOf(scope.tenantId)).toBe(58);
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
  await expect(acceptImport({ pool: services.pool, temporal: away }, scope, body, SYSTEM)).rejects.toThrow();
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
  });
  const forged = { ...key, importId: 'x' };
  await expect(run(importSlice, forged)).rejects.toMatchObject({
    type: FAILURE.importNotThere,
    nonRetryable: true,
  });
});
