import { EMPTY_HOUR, type Hour } from '../db/overview.ts';

export const HOUR_MS = 3_600_000;

/** Every hour from `from`, the begin of one, to `to`, oldest first: those that are known, and empty ones. */
export function hoursBetween(from: Date, to: Date, known: readonly Hour[]): Hour[] {
  const byBegin = new Map(known.map((hour) => [Date.parse(hour.at), hour]));
  const length = Math.floor((to.getTime() - from.getTime()) / HOUR_MS) + 1;
  return Array.from({ length }, (_, nth) => {
    const begin = from.getTime() + nth * HOUR_MS;
    return { ...(byBegin.get(begin) ?? EMPTY_HOUR), at: new Date(begin).toISOString() };
  });
}
