import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { inTenant } from '../../src/db/tenant-transaction.ts';
import { storeEmbedding } from '../../src/memory/long-term/memories.ts';
import { scanScope, type ScanLimits } from '../../src/memory/recall/scan-scope.ts';
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
const numbers = (count: number) => Array.from({ length: count }, (_, i) => String(1_000 + i));
/** As many as a question counts with. */
const words = numbers(48);

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
const LIMITS: ScanLimits = { passages: 1_000, bytes: 1_000_000, slice: 1_000 };
const onAxis0 = `[${axis(0).join(',')}]`;
const compare = (
  scope: ReturnType<typeof newScope>,
  query: { vectors?: string[]; masks?: string[]; hasTime?: () => boolean },
  limits: Partial<ScanLimits> = {},
) =>
  inTenant(database.pool, scope.tenantId, (client) =>
    scanScope(client, scope, { vectors: [onAxis0], masks: [], ...query }, { ...LIMITS, ...limits }),
  );
const scan = async (
  scope: ReturnType<typeof newScope>,
  terms: readonly string[],
  limits?: Partial<ScanLimits>,
) => {
  const { masks, words: asked } = toQueryMasks(wordsOf(terms.join(' '), 'asked'));
  const { scanned } = await compare(scope, { masks }, limits);
  return Array.from(scanned.ats, (at, row) => ({
    at,
    cosine: scanned.cosines[row],
    masks: scanned.masks.length,
    held: wordsHeld(
      scanned.masks.map((column) => column[row] ?? 0),
      asked,
    ).flatMap((share, i) => (share > 0 ? [[asked[i]?.word, share] as const] : [])),
  }));
};

test('each passage has its time, its cosine, and a share of each word', async () => {
  const scope = await stored('1000 1023', '1024 1047', 'nothing of it', '1045 1046 1001');
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
      ['1045', 1],
      ['1046', 1],
      ['1001', 1],
    ]),
  ]);
});

test('of several vectors the best cosine counts, passage by passage', async () => {
  const scope = await stored('one', 'two');
  const vectors = [axis(0), similarTo0(-0.5), similarTo0(1 / 10)].map((vector) => `[${vector.join(',')}]`);
  const cosinesTo = async (...vectors: string[]) => (await compare(scope, { vectors })).scanned.cosines;
  const cosines = await cosinesTo(...vectors);
  const each = await Promise.all(vectors.map((vector) => cosinesTo(vector)));
  expect([...cosines]).toEqual([0, 1].map((row) => Math.max(...each.map((one) => one[row] ?? 0))));
  expect(each.map((one) => one[0])).not.toEqual(each.map(() => cosines[0]));
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

describe('in slices', () => {
  const days = ({ scanned }: Awaited<ReturnType<typeof compare>>) =>
    Array.from(scanned.ats, (at) => new Date(at).getUTCDate());

  test.each([1, 2, 3, 5, 100])('of %d, all passages come once, newest first', async (slice) => {
    const scope = await stored('a', 'b', 'c', 'd', 'e');
    const found = await compare(scope, {}, { slice });
    expect(days(found)).toEqual([5, 4, 3, 2, 1]);
    expect(found.isPart).toBe(false);
    expect(await scan(scope, ['c'], { slice })).toEqual(await scan(scope, ['c']));
  });

  test('passages of one moment are not torn apart', async () => {
    const scope = newScope();
    for (const content of ['1000', '1001', '1002', '1003'])
      await storeEmbedding(database.pool, {
        ...{ ...scope, content, role: 'user', createdAt: day(1) },
        embedding: axis(0),
      });
    const held = (await scan(scope, words.slice(0, 4), { slice: 2 })).flatMap((row) => row.held);
    expect(held.map(([word]) => word).sort()).toEqual(words.slice(0, 4));
  });

  test.each([
    [6, [5, 4, 3, 2, 1], false],
    [5, [5, 4, 3, 2, 1], false],
    [3, [5, 4, 3], true],
  ])('of a scope beyond %d passages only the newest are compared', async (passages, compared, isPart) => {
    const found = await compare(await stored('a', 'b', 'c', 'd', 'e'), {}, { passages, slice: 2 });
    expect(days(found)).toEqual(compared);
    expect(found.isPart).toBe(isPart);
  });

  test('what a question compares in bytes bounds how many passages it looks at', async () => {
    const long = numbers(96).join(' ');
    const scope = await stored(long, long, long, long, long, long);
    const { masks } = toQueryMasks(wordsOf(long, 'asked'));
    const limits = { bytes: 5 * 776, slice: 1 };
    // Five embeddings; three with another vector; two with the terms of 96 words twice.
    expect(days(await compare(scope, {}, limits))).toEqual([6, 5, 4, 3, 2]);
    expect(days(await compare(scope, { vectors: [onAxis0, onAxis0] }, limits))).toEqual([6, 5, 4]);
    expect(masks).toHaveLength(2);
    expect(days(await compare(scope, { masks }, limits))).toEqual([6, 5]);
  });

  test('when time is over, what was compared has to do', async () => {
    const scope = await stored('a', 'b', 'c', 'd', 'e');
    let slices = 0;
    const found = await compare(scope, { hasTime: () => (slices += 1) < 2 }, { slice: 2 });
    expect(days(found)).toEqual([5, 4, 3, 2]);
    expect(found.isPart).toBe(true);
  });
});

test('an empty scope has no passages', async () => {
  expect(await scan(newScope(), words)).toEqual([]);
});
