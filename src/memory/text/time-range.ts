import { MONTHS } from './search-text.ts';

/** Milliseconds since 1970, [from, to). */
export type TimeRange = { from: number; to: number };

const DAY = 86_400_000;

/**
 * The time range that a question mentions ("last week", "in May", "on 7 July 2023", "two days ago"), or null.
 * `now` is when it was asked. Days are UTC days, weeks begin on Monday. English only. This is not chrono-node
 * because that finds points in time, and recall needs ranges.
 */
export function timeRangeOf(text: string, now: Date): TimeRange | null {
  const asked = text.toLowerCase();
  for (const rule of RULES) {
    const found = rule.pattern.exec(asked);
    const range = found && rule.range(found.groups ?? {}, now);
    if (range) return range;
  }
  return null;
}

type Groups = Record<string, string | undefined>;
type Rule = { pattern: RegExp; range: (groups: Groups, now: Date) => TimeRange | null };

const MONTH = `(?<month>${MONTHS.map((name) => `${name.slice(0, 3)}(?:${name.slice(3)})?`)
  .join('|')
  .toLowerCase()})`;
const DAY_OF_MONTH = '(?<day>\\d{1,2})(?:st|nd|rd|th)?';
const YEAR = '(?<year>(?:19|20)\\d\\d)';
const WEEKDAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];
const NUMBERS = ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'];
const AMOUNT = `(?<amount>\\d{1,3}|a|an|a couple of|a few|${NUMBERS.join('|')})`;

const RULES: readonly Rule[] = [
  { pattern: new RegExp(`\\b${YEAR}-(?<monthNumber>\\d\\d)-(?<day>\\d\\d)\\b`), range: dateRange },
  { pattern: new RegExp(`\\b${DAY_OF_MONTH}(?: of)? ${MONTH}\\b,?(?: ${YEAR})?`), range: dateRange },
  { pattern: new RegExp(`\\b${MONTH} ${DAY_OF_MONTH}\\b(?:,? ${YEAR})?`), range: dateRange },
  { pattern: new RegExp(`\\b${MONTH},? ${YEAR}\\b`), range: dateRange },
  {
    pattern: new RegExp(`\\b(?:in|of|during|last|this) (?:late |early |mid[- ])?${MONTH}\\b`),
    range: dateRange,
  },
  { pattern: new RegExp(`\\b(?:in|of|during) ${YEAR}\\b`), range: dateRange },
  { pattern: /\b(?<which>yesterday|last night|today|this morning|tonight)\b/, range: nearDay },
  { pattern: new RegExp(`\\b${AMOUNT} (?<unit>day|week|month|year)s? ago\\b`), range: ago },
  { pattern: /\b(?<which>last|this|past) (?<unit>weekend|week|month|year)\b/, range: lastOrThis },
  { pattern: new RegExp(`\\b(?:last|on|this|past) (?<weekday>${WEEKDAYS.join('|')})\\b`), range: weekday },
];

/** A day, month or year. Without a year it is the latest one that doesn't begin in the future. */
function dateRange({ day, month, monthNumber, year }: Groups, now: Date): TimeRange | null {
  const monthIndex = monthNumber
    ? Number(monthNumber) - 1
    : MONTHS.findIndex((name) => month !== undefined && name.toLowerCase().startsWith(month.slice(0, 3)));
  if (monthIndex < 0) {
    return year === undefined ? null : { from: Date.UTC(Number(year), 0), to: Date.UTC(Number(year) + 1, 0) };
  }
  const dayNumber = day === undefined ? undefined : Number(day);
  const inYear = (y: number): TimeRange =>
    dayNumber === undefined
      ? { from: Date.UTC(y, monthIndex), to: Date.UTC(y, monthIndex + 1) }
      : { from: Date.UTC(y, monthIndex, dayNumber), to: Date.UTC(y, monthIndex, dayNumber + 1) };
  if (dayNumber !== undefined && (dayNumber < 1 || dayNumber > 31)) return null;
  if (year !== undefined) return inYear(Number(year));
  const thisYear = inYear(now.getUTCFullYear());
  return thisYear.from <= now.getTime() ? thisYear : inYear(now.getUTCFullYear() - 1);
}

function nearDay({ which }: Groups, now: Date): TimeRange {
  const today = startOfDay(now);
  return which === 'yesterday' || which === 'last night'
    ? { from: today - DAY, to: today }
    : { from: today, to: today + DAY };
}

function ago({ amount, unit }: Groups, now: Date): TimeRange {
  const n = amountOf(amount ?? '');
  const today = startOfDay(now);
  switch (unit) {
    case 'day':
      return { from: today - n * DAY, to: today - (n - 1) * DAY };
    case 'week':
      // "Two weeks ago" is approximate: four days either way.
      return { from: today - (n * 7 + 4) * DAY, to: today - (n * 7 - 4) * DAY };
    case 'month':
      return { from: monthsBefore(now, n), to: monthsBefore(now, n - 1) };
    default:
      return { from: Date.UTC(now.getUTCFullYear() - n, 0), to: Date.UTC(now.getUTCFullYear() - n + 1, 0) };
  }
}

function lastOrThis({ which, unit }: Groups, now: Date): TimeRange {
  const back = which === 'this' ? 0 : 1;
  const today = startOfDay(now);
  const monday = today - ((now.getUTCDay() + 6) % 7) * DAY;
  switch (unit) {
    case 'weekend':
      return { from: monday - back * 7 * DAY + 5 * DAY, to: monday - back * 7 * DAY + 7 * DAY };
    case 'week':
      return { from: monday - back * 7 * DAY, to: monday - back * 7 * DAY + 7 * DAY };
    case 'month':
      return { from: monthsBefore(now, back), to: monthsBefore(now, back - 1) };
    default:
      return {
        from: Date.UTC(now.getUTCFullYear() - back, 0),
        to: Date.UTC(now.getUTCFullYear() - back + 1, 0),
      };
  }
}

/** The latest day of this name before today. */
function weekday({ weekday: name }: Groups, now: Date): TimeRange {
  const today = startOfDay(now);
  const daysBack = (now.getUTCDay() - WEEKDAYS.indexOf(name ?? '') + 7) % 7 || 7;
  return { from: today - daysBack * DAY, to: today - (daysBack - 1) * DAY };
}

function amountOf(words: string): number {
  if (words === 'a' || words === 'an') return 1;
  if (words === 'a couple of') return 2;
  if (words === 'a few') return 3;
  const index = NUMBERS.indexOf(words);
  return index >= 0 ? index : Number(words);
}

const startOfDay = (at: Date): number => Math.floor(at.getTime() / DAY) * DAY;
const monthsBefore = (at: Date, n: number): number => Date.UTC(at.getUTCFullYear(), at.getUTCMonth() - n);
