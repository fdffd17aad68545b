import { expect, test } from '@jest/globals';
import { pageOf } from '../../src/api/cursor.ts';
import { PAGE_BYTES } from '../../src/db/page.ts';

const ID = '00000000-0000-4000-8000-00000000000';
const row = (n: number, text: string) => ({
  createdAt: '2026-01-01T00:00:00.000000Z',
  id: `${ID}${n}`,
  text,
});
const pageOfRows = (rows: Array<ReturnType<typeof row>>, limit = 200) =>
  pageOf({ limit }, (asked) => Promise.resolve(rows.slice(0, asked.limit)));

test('a row larger than a page is a page of its own', async () => {
  const rows = [1, 2].map((n) => row(n, 'x'.repeat(2 * PAGE_BYTES)));
  const { page, nextCursor } = await pageOfRows(rows);
  expect(page).toEqual(rows.slice(0, 1));
  expect(nextCursor).not.toBeNull();
  expect((await pageOfRows(rows.slice(1))).nextCursor).toBeNull();
});

test('rows count as they are sent: a character may take six bytes in JSON', async () => {
  const rows = [1, 2, 3].map((n) => row(n, '\u0001'.repeat(PAGE_BYTES / 10)));
  expect((await pageOfRows(rows)).page).toHaveLength(2);
});

test('a page of a client that can take less ends sooner', async () => {
  const rows = [1, 2, 3].map((n) => row(n, 'x'.repeat(1_000)));
  const { page, nextCursor } = await pageOf({ limit: 200, pageBytes: 2_000 }, () => Promise.resolve(rows));
  expect([page.length, nextCursor === null]).toEqual([2, false]);
});

test('a page that isn’t full ends at the limit, or with the list', async () => {
  const rows = [1, 2, 3].map((n) => row(n, 'short'));
  const first = await pageOfRows(rows, 2);
  expect([first.page.length, first.nextCursor === null]).toEqual([2, false]);
  const all = await pageOfRows(rows, 3);
  expect([all.page.length, all.nextCursor]).toEqual([3, null]);
  expect(await pageOfRows([])).toEqual({ page: [], nextCursor: null });
});
