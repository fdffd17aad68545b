import { badField } from './problems.ts';
import { upToFull, type PageAsked } from '../db/page.ts';
import type { Place } from '../db/place.ts';
import { toUuid } from './uuid.ts';

/** A page as a client asks for it, and how much it may hold if not the most. */
export type PageWanted = { limit: number; cursor?: string | undefined; pageBytes?: number };

/**
 * A page of a list, and the cursor of the next one; null on the last. A page ends with its last row, or with
 * the one that fills it. `find` gets what to ask the list for: one more than the page holds, which tells
 * whether there is another.
 */
export async function pageOf<T extends Place>(
  { limit, cursor, pageBytes }: PageWanted,
  find: (asked: PageAsked) => Promise<T[]>,
  isId: IsId = isUuid,
): Promise<{ page: T[]; nextCursor: string | null }> {
  const found = await find({
    limit: limit + 1,
    ...(cursor !== undefined && { after: decodeCursor(cursor, isId) }),
  });
  const page = upToFull(found.slice(0, limit), pageBytes);
  const last = page.at(-1);
  return { page, nextCursor: found.length > page.length && last ? encodeCursor(last) : null };
}

/** The place in a list, as an opaque text. */
export function encodeCursor({ createdAt, id }: Place): string {
  return Buffer.from(`${createdAt} ${id}`).toString('base64url');
}

/** Whether a list has ids of this kind. */
type IsId = (id: string) => boolean;

const isUuid: IsId = (id) => toUuid(id) !== undefined;

/** Of the years that Postgres knows, and of a day that there is: 30 February would be a fault there. */
function isTime(text: string): boolean {
  if (!/^(?!0000)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/.test(text)) return false;
  const at = new Date(text);
  return !Number.isNaN(at.getTime()) && at.toISOString().slice(0, 10) === text.slice(0, 10);
}

/** The place that a client hands back. Throws a Problem when it is none. */
export function decodeCursor(cursor: string, isId: IsId = isUuid): Place {
  const [, createdAt = '', id = ''] = /^(\S+) (.*)$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  if (!isTime(createdAt) || !isId(id)) {
    throw badField({
      field: 'cursor',
      problem: 'must be the nextCursor of the page before',
      isTooLarge: false,
    });
  }
  return { createdAt, id };
}
