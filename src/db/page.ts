/** Lists come in pages, which are bounded in rows and in bytes. */
import type { Place } from './place.ts';

/** What a list is asked for: rows at most, and the last row of the page before. */
export type PageAsked = { limit: number; after?: Place };

/** The row that reaches this is the last of its page. */
export const PAGE_BYTES = 1_000_000;

/** The rows up to the one that fills a page, as they are sent; at least one of those that there are. */
export function upToFull<T>(rows: readonly T[], pageBytes = PAGE_BYTES): T[] {
  let bytes = 0;
  const last = rows.findIndex((row) => (bytes += Buffer.byteLength(JSON.stringify(row))) >= pageBytes);
  return last === -1 ? [...rows] : rows.slice(0, last + 1);
}

/**
 * The column of an ordered query that `HAS_ROOM` looks at: the bytes of all rows before the one before.
 * `bytes` is a row's, no more than JSON makes of them.
 */
export const bytesBefore = ({ bytes, order }: { bytes: string; order: string }): string =>
  `sum(${bytes}) OVER (ORDER BY ${order} ROWS BETWEEN UNBOUNDED PRECEDING AND 2 PRECEDING) AS bytes_before`;

/**
 * Holds for the rows that fill a page, and for the next one, which tells that there is another page. So no
 * more leaves the database.
 */
export const HAS_ROOM = `coalesce(bytes_before, 0) < ${PAGE_BYTES}`;
