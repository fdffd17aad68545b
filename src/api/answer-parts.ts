/** What the shapes of answers are made of. */
import { z } from 'zod';

export const uuid = z.guid();
export const time = z.iso.datetime();
export const count = z.int().min(0);
export const counts = z.record(z.string(), count);
/** What a page ends with. */
export const nextCursor = z.string().nullable().describe('`cursor` of the next page; null on the last');
