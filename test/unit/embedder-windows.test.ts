/** What the model reads together of a long message decides its vectors: as much as it was trained on. */
import { expect, test } from '@jest/globals';
import { EMBEDDING_WIDTH } from '../../src/domain/embedding.ts';
import { embedderOn } from '../../src/memory/embedding/embedder.ts';

const ONE = { tenantId: 't', userId: 'u', priority: 'backfill' } as const;
const sum = (): Float32Array => new Float32Array(EMBEDDING_WIDTH).fill(1);

/** How many parts are read together, window by window. */
async function windowsOf(parts: readonly string[]): Promise<number[]> {
  const windows: number[] = [];
  const embedder = embedderOn({
    rowsOf: async ({ parts: together }) => {
      windows.push(together.length);
      return [{ places: 2 + together.length, parts: together.map(() => [7]) }];
    },
    read: async (rows) => rows.map((row) => [...row.parts, 'around'].map(sum)),
    close: async () => undefined,
  });
  const { parts: vectors } = await embedder.embedParts(parts, ONE);
  expect(vectors).toHaveLength(parts.length);
  return windows;
}

const PROSE = 'The ferry to the island leaves at eight and comes back late in the evening. '.repeat(4);
const CODE = 'const rate_2024 = fetch_rate("EUR", 1.0873); // see table T-4711, row 12\n'.repeat(6);
const FIGURES = '2024-03-01 17:45 3.1415 99.95 EUR 0x7f 192.168.0.1 '.repeat(8);
const CHINESE = '我昨天在北京买了一本关于历史的书，今天已经读完了。'.repeat(4);

test.each([
  ['prose, by its words', PROSE, 3],
  ['code, by its letters', CODE, 3],
  ['figures', FIGURES, 3],
  ['a script of which each letter is a word', CHINESE, 2],
])('%s: so many parts together', async (_, part, together) => {
  expect(await windowsOf(Array.from({ length: 6 }, () => part))).toEqual(
    Array.from({ length: 6 / together }, () => together),
  );
});

test('a part that is longer than a window is read alone', async () => {
  expect(await windowsOf([PROSE, 'x'.repeat(3_000), PROSE])).toEqual([1, 1, 1]);
});
