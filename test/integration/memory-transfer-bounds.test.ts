/** Odd texts, large scopes, clients that go away, services that are away. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Redis } from 'ioredis';
import type pg from 'pg';
import { EMBEDDING_WIDTH } from '../../src/domain/embedding.ts';
import type { Scope } from '../../src/domain/conversation.ts';
import { createPool } from '../../src/db/pool.ts';
import { inTenant } from '../../src/db/tenant-transaction.ts';
import { exportMemory } from '../../src/memory/transfer/export-memory.ts';
import { createImportReader } from '../../src/memory/transfer/import-reader.ts';
import { exchangeLine, MAX_LINE_BYTES } from '../../src/memory/transfer/format.ts';
import { embedExchange, storeExchanges, withoutKnown } from '../../src/memory/transfer/store-imported.ts';
import { readLines } from '../../src/lib/read-lines.ts';
import { hashEmbedder, SOMEBODY } from '../support/embeddings.ts';
import { memoryOf } from '../support/memory.ts';
import {
  asRole,
  connectRedis,
  createTestDatabase,
  newScope,
  type TestDatabase,
} from '../support/services.ts';

let database: TestDatabase;
let redis: Redis;
let api: pg.Pool;
beforeAll(async () => {
  [database, redis] = await Promise.all([createTestDatabase(), connectRedis()]);
  api = createPool({ databaseUrl: asRole('api', database.url), max: 2, statementTimeoutMs: 5_000 });
});
afterAll(async () => {
  redis.disconnect();
  await api.end();
  await database.drop();
});

const embedder = hashEmbedder();
const request = { ...SOMEBODY, priority: 'backfill' } as const;
const model = {
  tenantId: request.tenantId,
  embed: (text: string) => embedder.embed(text, request),
  embedParts: (parts: readonly string[]) => embedder.embedParts(parts, request),
};
const OPTIONS = {
  window: [],
  embeddings: true,
  toCursor: ({ createdAt, id }: { createdAt: string; id: string }) => `${createdAt} ${id}`,
};
const exportOf = (scope: Scope, options = {}) => exportMemory(api, scope, { ...OPTIONS, ...options });

/** Imports lines as API and worker do. */
async function importInto(scope: Scope, lines: AsyncIterable<string>): Promise<void> {
  const reader = createImportReader(scope);
  const bytes = (async function* () {
    for await (const line of lines) yield Buffer.from(line);
  })();
  for await (const text of readLines(bytes, { maxLineBytes: MAX_LINE_BYTES, maxBytes: 32_000_000 })) {
    const read = reader.read(text);
    if (read === undefined) continue;
    const exchange = { ...exchangeLine.parse(JSON.parse(text)), id: read.ids.own ?? read.ids.anew };
    const unknown = await withoutKnown(database.pool, scope, [exchange]);
    const embedded = await Promise.all(unknown.map((own) => embedExchange(scope, own, model)));
    await inTenant(database.pool, scope.tenantId, async (client) => {
      await storeExchanges(client, scope, embedded);
    });
  }
  reader.end();
}

const contentsOf = async ({ tenantId }: Scope) => {
  const { rows } = await database.admin.query<object>(
    `SELECT m.role, m.content, m.created_at, m.embedding::text, p.part, p.flags, p.user_from, p.user_to, p.reply_from,
            p.reply_to, p.embedding::text AS passage, p.terms::text, p.user_weight, p.created_at AS at
     FROM conversation_embeddings m LEFT JOIN exchange_passages p USING (tenant_id, exchange_id)
     WHERE tenant_id = $1 ORDER BY m.created_at, m.role, m.content, p.part`,
    [tenantId],
  );
  return rows;
};

const oddText = fc
  .oneof(
    fc.string({ unit: 'binary', minLength: 1 }),
    fc.string({ unit: 'grapheme', minLength: 1 }),
    fc.constantFrom(
      ' ',
      '\n',
      '\r\n',
      '\u2028\u2029',
      '\ufeff',
      '"}\n{"',
      '\u{1f469}\u200d\u{1f4bb}',
      'a'.repeat(5_000),
      'wort '.repeat(900),
    ),
  )
  .map((text) => text.replaceAll('\u0000', '0').toWellFormed());

test('whatever was said is the same in another scope, row by row, and twice is once', async () => {
  const turns = fc.array(fc.record({ user: oddText, reply: oddText }), { minLength: 1, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(turns, fc.boolean(), async (told, embeddings) => {
      const [old, fresh] = [newScope(), newScope()];
      await memoryOf({ pool: database.pool, redis, embedder }, old).tell(...told);
      await importInto(fresh, exportOf(old, { embeddings }));
      const before = await contentsOf(old);
      expect(before.length).toBeGreaterThanOrEqual(2 * told.length);
      expect(await contentsOf(fresh)).toEqual(before);
      await importInto(fresh, exportOf(fresh));
      await importInto(fresh, exportOf(old));
      expect(await contentsOf(fresh)).toEqual(before);
    }),
    { numRuns: 25 },
  );
}, 120_000);

/** Fills a scope with exchanges that another program has stored. */
async function fill(scope: Scope, exchanges: number): Promise<void> {
  const vector = `[1${',0'.repeat(EMBEDDING_WIDTH - 1)}]`;
  // Without its index of vectors, which takes most of the time.
  await database.admin.query('DROP INDEX IF EXISTS conversation_embeddings_hnsw');
  await database.admin.query(
    `INSERT INTO conversation_embeddings (tenant_id, agent_id, user_id, exchange_id, role, content, embedding, created_at)
     SELECT $1, $2, $3, exchange, role, 'message ' || i, $5::vector, '2026-01-01'::timestamptz + make_interval(secs => i)
     FROM (SELECT i, gen_random_uuid() AS exchange FROM generate_series(1, $4::int) i) e,
          unnest(ARRAY['user', 'assistant']) role`,
    [scope.tenantId, scope.agentId, scope.userId, exchanges, vector],
  );
}

test('10,000 exchanges stream in parts, each exchange once, without growing memory', async () => {
  const scope = newScope();
  await fill(scope, 10_000);
  const seen = new Set<string>();
  let after: { createdAt: string; id: string } | undefined;
  let parts = 0;
  let grownBy = 0;
  const before = process.memoryUsage().rss;
  do {
    parts += 1;
    let counted = 0;
    let end: { exchanges: number; nextCursor: string | null } = { exchanges: -1, nextCursor: null };
    for await (const line of exportOf(scope, { after, partBytes: 16_000_000 })) {
      const read = JSON.parse(line) as { type: string; id: string } & typeof end;
      if (read.type === 'end') end = read;
      if (read.type !== 'exchange') continue;
      counted += 1;
      seen.add(read.id);
      if (counted % 500 === 0) grownBy = Math.max(grownBy, process.memoryUsage().rss - before);
    }
    expect(end.exchanges).toBe(counted);
    const [createdAt = '', id = ''] = end.nextCursor?.split(' ') ?? [];
    after = end.nextCursor === null ? undefined : { createdAt, id };
  } while (after);
  expect(parts).toBeGreaterThan(1);
  expect(seen.size).toBe(10_000);
  // The lines take 40 MB together.
  expect(grownBy).toBeLessThan(200_000_000);
}, 120_000);

test('a reader that goes away ends the reading; a page is read when its lines are wanted', async () => {
  const scope = newScope();
  await fill(scope, 500);
  let connections = 0;
  const count = () => void (connections += 1);
  api.on('acquire', count);
  const lines = exportOf(scope);
  // The header, and some of the first page.
  for (let taken = 0; taken < 10; taken += 1) await lines.next();
  await lines.return(undefined);
  expect(await lines.next()).toMatchObject({ done: true });
  api.off('acquire', count);
  expect(connections).toBe(1);
  expect(api.idleCount).toBe(api.totalCount);
});

test('of messages of one moment so many are compared, so that an import of one time takes no square', async () => {
  const scope = newScope();
  const at = '2026-01-01T00:00:00.000Z';
  const exchanges = Array.from({ length: 1_200 }, (_, i) => ({
    id: randomUUID(),
    messages: [{ role: 'user' as const, at, text: `said at that moment: ${i}` }],
  }));
  const vector = Array.from({ length: EMBEDDING_WIDTH }, (_, i) => (i === 0 ? 1 : 0));
  await inTenant(database.pool, scope.tenantId, (client) =>
    client.query(
      `INSERT INTO conversation_embeddings
         (id, tenant_id, agent_id, user_id, content, role, embedding, created_at, exchange_id)
       SELECT gen_random_uuid(), $1, $2, $3, text, 'user', $4::vector, $5, gen_random_uuid()
       FROM unnest($6::text[]) text`,
      [
        ...[scope.tenantId, scope.agentId, scope.userId, `[${vector.join()}]`, at],
        exchanges.map(({ messages }) => messages[0]?.text),
      ],
    ),
  );
  const unknown = await withoutKnown(database.pool, scope, exchanges);
  expect(unknown).toHaveLength(200);
  // At any other moment all are.
  const later = exchanges.slice(0, 5).map(({ id, messages }) => ({
    id,
    messages: messages.map((message) => ({ ...message, at: '2026-01-01T00:00:00.001Z' })),
  }));
  expect(await withoutKnown(database.pool, scope, later)).toHaveLength(5);
});
