import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { inTenant } from '../../src/db/tenant-transaction.ts';
import { storeEmbedding } from '../../src/memory/long-term/memories.ts';
import { scanScope } from '../../src/memory/recall/scan-scope.ts';
import { toQueryMasks } from '../../src/memory/text/search-terms.ts';
import { axis, similarTo0 } from '../support/embeddings.ts';
import { createTestDatabase, newScope, type TestDatabase } from '../support/services.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const day = (n: number) => new Date(Date.UTC(2026, 9, n));
const words = Array.from({ length: 60 }, (_, i) => `word${i}`);

/** One exchange per day, each with some of the words. */
async function stored(...contents: string[]) {
  const scope = newScope();
  // Inserted newest first, so that the rows are not in time order.
  for (const [i, content] of [...contents.entries()].reverse())
    await storeEmbedding(database.pool, {
      ...{ ...scope, content, role: 'user', createdAt: day(i + 1) },
      embedding: similarTo0((i + 1) / 10),
    });
  return scope;
}
const scan = (scope: ReturnType<typeof newScope>, terms: readonly string[], limit?: number) =>
  inTenant(database.pool, scope.tenantId, async (client) => {
    const { masks } = toQueryMasks(terms);
    const scanned = await scanScope(client, scope, `[${axis(0).join(',')}]`, masks, limit);
    return Array.from(scanned.ats, (at, row) => ({
      at,
      cosine: scanned.cosines[row],
      masks: scanned.masks.map((column) => column[row]),
    }));
  });

test('each passage has its time, its cosine, and a bit in the right mask for each term', async () => {
  const scope = await stored('word0 word23', 'word24 word47', 'nothing of it', 'word48 word59 word1');
  const rows = (await scan(scope, words)).reverse();
  expect(rows.map(({ at }) => at)).toEqual([1, 2, 3, 4].map((n) => day(n).getTime()));
  rows.forEach(({ cosine }, i) => expect(cosine).toBeCloseTo((i + 1) / 10, 3));
  expect(rows.map(({ masks }) => masks)).toEqual([
    [1 + 2 ** 23, 0, 0],
    [0, 1 + 2 ** 23, 0],
    [0, 0, 0],
    [2, 0, 1 + 2 ** 11],
  ]);
});

test('a question without words has no mask', async () => {
  expect((await scan(await stored('a', 'b'), [])).map(({ masks }) => masks)).toEqual([[], []]);
});

test('passages come newest first, and from a scope beyond the limit only the newest', async () => {
  const scope = await stored('a', 'b', 'c', 'd', 'e');
  const daysWithin = async (limit: number) =>
    (await scan(scope, ['a'], limit)).map(({ at }) => new Date(at).getUTCDate());
  expect(await daysWithin(6)).toEqual([5, 4, 3, 2, 1]);
  expect(await daysWithin(5)).toEqual([5, 4, 3, 2, 1]);
  expect(await daysWithin(3)).toEqual([5, 4, 3]);
});

test('an empty scope has no passages', async () => {
  expect(await scan(newScope(), words)).toEqual([]);
});
