import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { inTenant } from '../../src/db/tenant-transaction.ts';
import { storeEmbedding } from '../../src/memory/long-term/memories.ts';
import { scanScope } from '../../src/memory/recall/scan-scope.ts';
import { wordsHeld } from '../../src/memory/ranking/lexical.ts';
import { toQueryMasks } from '../../src/memory/text/search-terms.ts';
import { wordsOf } from '../../src/memory/text/terms.ts';
import { axis, similarTo0 } from '../support/embeddings.ts';
import { createTestDatabase, newScope, type TestDatabase } from '../support/services.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const day = (n: number) => new Date(Date.UTC(2026, 9, n));
/** Numbers are words of one piece. */
const words = Array.from({ length: 60 }, (_, i) => String(1_000 + i));

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
    const { masks, words: asked } = toQueryMasks(wordsOf(terms.join(' '), 'asked'));
    const scanned = await scanScope(client, scope, `[${axis(0).join(',')}]`, masks, limit);
    return Array.from(scanned.ats, (at, row) => ({
      at,
      cosine: scanned.cosines[row],
      masks: scanned.masks.length,
      held: wordsHeld(
        scanned.masks.map((column) => column[row] ?? 0),
        asked,
      ).flatMap((share, i) => (share > 0 ? [[asked[i]?.word, share] as const] : [])),
    }));
  });

test('each passage has its time, its cosine, and a share of each word', async () => {
  const scope = await stored('1000 1023', '1024 1047', 'nothing of it', '1048 1059 1001');
  const rows = (await scan(scope, words)).reverse();
  expect(rows.map(({ at }) => at)).toEqual([1, 2, 3, 4].map((n) => day(n).getTime()));
  rows.forEach(({ cosine }, i) => expect(cosine).toBeCloseTo((i + 1) / 10, 3));
  expect(rows.map(({ held }) => new Map(held))).toEqual([
    new Map([
      ['1000', 1],
      ['1023', 1],
    ]),
    new Map([
      ['1024', 1],
      ['1047', 1],
    ]),
    new Map(),
    new Map([
      ['1048', 1],
      ['1059', 1],
      ['1001', 1],
    ]),
  ]);
});

test('a word in another form is held in part, and one that shares its root by chance is not', async () => {
  const scope = await stored('Fotograf', 'Hochzeitsfotografen', 'fotogen', 'Seismograf', 'Rad');
  const shares = (await scan(scope, ['Fotografin'])).reverse().map(({ held }) => Number(held[0]?.[1] ?? 0));
  expect(shares[0]).toBeGreaterThan(0.5);
  expect(shares[1]).toBeGreaterThan(0.25);
  for (const other of shares.slice(2)) expect(other).toBeLessThan(0.25);
});

test('a question without words has no mask', async () => {
  expect((await scan(await stored('a', 'b'), [])).map(({ masks }) => masks)).toEqual([0, 0]);
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
