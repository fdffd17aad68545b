import { namedTimes, type NamedTime } from './named-times.ts';

/** Milliseconds since 1970, [from, to). */
export type TimeRange = { from: number; to: number };

const DAY = 86_400_000;

/**
 * The first time in the past that a question names ("last week", "le 8 mai", "先月"), or null. `now` is when
 * it was asked; of what recurs it is the latest that doesn't begin after it. Days are UTC days, weeks begin
 * on Monday.
 */
export function timeRangeOf(text: string, now: Date): TimeRange | null {
  const today = Math.floor(now.getTime() / DAY) * DAY;
  const ranges = namedTimes(text, today).map((time) => latest(time, rangeOf(time, today), today));
  return ranges.find(({ from }) => from <= today) ?? null;
}

/** A text can list any number of days. */
const MOST_DAYS = 5;

/**
 * The days other than its own that a message names, each by its beginning in UTC: "yesterday", "on 8 May",
 * "last Friday", of "3 to 5 May" the first and the last. `at` is when it was said; what has no year is the
 * one nearest to it.
 */
export function daysNamedIn(text: string, at: Date): Date[] {
  const today = Math.floor(at.getTime() / DAY) * DAY;
  const days = namedTimes(text, today)
    .filter(({ grain }) => grain === 'day' || grain === 'weekday')
    .flatMap(({ first, last }) => [first, last])
    .filter((day) => day !== today);
  return [...new Set(days)].slice(0, MOST_DAYS).map((day) => new Date(day));
}

/** Of a time that lies further back, "three weeks ago" is approximate: so many days either way. */
const ABOUT = 4 * DAY;

function rangeOf({ grain, first, last }: NamedTime, today: number): TimeRange {
  const at = new Date(first);
  const [year, month, weekday] = [at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDay()];
  switch (grain) {
    case 'year':
      return { from: Date.UTC(year, 0), to: Date.UTC(year + 1, 0) };
    case 'month':
      return { from: Date.UTC(year, month), to: Date.UTC(year, month + 1) };
    case 'week': {
      const monday = first - ((weekday + 6) % 7) * DAY;
      const isFar = Math.abs(first - today) > 7 * DAY;
      return isFar ? { from: first - ABOUT, to: first + ABOUT } : { from: monday, to: monday + 7 * DAY };
    }
    case 'weekend': {
      const saturday = weekday === 0 ? first - DAY : first;
      return { from: saturday, to: saturday + 2 * DAY };
    }
    case 'day':
    case 'weekday':
      return { from: first, to: last + DAY };
  }
}

/** A name without "last" or "next" stands for the day that is nearest. */
const NEAREST = 3 * DAY;

/** The latest range that the name of a day, or one without a year, can stand for. */
function latest({ grain, everyYear }: NamedTime, { from, to }: TimeRange, today: number): TimeRange {
  const ahead = from - today;
  if (grain === 'weekday' || grain === 'weekend')
    return ahead >= 0 && ahead <= NEAREST ? { from: from - 7 * DAY, to: to - 7 * DAY } : { from, to };
  return everyYear && ahead > 0 ? { from: yearBefore(from), to: yearBefore(to) } : { from, to };
}

function yearBefore(at: number): number {
  const date = new Date(at);
  return date.setUTCFullYear(date.getUTCFullYear() - 1);
}
