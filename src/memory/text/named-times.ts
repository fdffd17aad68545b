import type { Component, ParsedResult } from 'chrono-node';
import { normalized } from '../../lib/normalized.ts';
import { LANGUAGES, languagesOf, LATIN, type Language } from './languages.ts';
import { timeParser } from './time-parsers.ts';

/**
 * A time that a text names, by its first and last day (each its beginning in UTC, milliseconds since 1970).
 * `grain` says what it names: of a week, month or year the days are any of it. `everyYear`: nothing says
 * which year's it is.
 */
export type NamedTime = { grain: Grain; first: number; last: number; everyYear: boolean };
export type Grain = 'day' | 'weekday' | 'weekend' | 'week' | 'month' | 'year';

/** Letters that are read at each end of a text: the patterns are many, and some take long. */
const READ_AT_EACH_END = 500;

/**
 * The times that a text names, in its order; of two at one place the longer. It is strict: "3/4", "at 5",
 * "good morning", "sun", "march" and "2024" may be none. Knows the languages of `languagesOf`.
 * @param today the beginning of the UTC day on which the text was said
 */
export function namedTimes(text: string, today: number): NamedTime[] {
  const read = readable(text);
  let end = 0;
  return findIn(read, today)
    .sort((a, b) => a.index - b.index || b.text.length - a.text.length)
    .flatMap((found) => {
      if (found.index < end) return [];
      end = found.index + found.text.length;
      const first = dayOf(found.start);
      const grain = Number.isFinite(first) ? grainOf(found, read.slice(0, found.index), first, today) : null;
      if (grain === null) return [];
      const last = grain === 'day' && found.end?.isCertain('day') ? dayOf(found.end) : first;
      return [{ grain, first, last: Math.max(first, last), everyYear: !found.start.isCertain('year') }];
    });
}

/** Makes the patterns of all languages, which takes longer than any text does. */
export function makeTimesReady(): void {
  for (const language of LANGUAGES) timeParser(language).parse('5', new Date());
}

/** Both ends of a text, without runs of white space, which the patterns are slow at. */
function readable(text: string): string {
  const ends =
    text.length <= 2 * READ_AT_EACH_END
      ? text
      : `${text.slice(0, READ_AT_EACH_END)} ${text.slice(-READ_AT_EACH_END)}`;
  return normalized(ends, 'NFC').replace(/\s+/gu, ' ').replaceAll('’', "'");
}

/** Where nothing tells the language of a text, it is English, or so short that a time is all of it. */
const SHORT = 40;

function findIn(read: string, today: number): ParsedResult[] {
  const at = new Date(today);
  // Noon of that day in the process's own time zone, which the parsers reckon in.
  const noon = new Date(at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate(), 12);
  const find = (language: Language) => timeParser(language).parse(read, noon);
  const told = languagesOf(read);
  if (told.length > 0) return told.flatMap(find);
  const isAll = ({ text }: ParsedResult) => !/[\p{L}\p{N}]/u.test(read.replace(text, ''));
  return [...find('en'), ...(read.length <= SHORT ? LATIN.flatMap(find).filter(isAll) : [])];
}

/** The UTC day of what was found; NaN when there is none such. */
function dayOf(at: ParsedResult['start']): number {
  const [year, month, day] = [at.get('year'), at.get('month'), at.get('day')];
  return year === null || month === null || day === null ? Number.NaN : Date.UTC(year, month - 1, day);
}

/** A month's name alone is a time after such a word: March is a walk as well, and mayo is eaten. */
const BEFORE_MONTH = /(?:^|\P{L})(?:in|during|of|last|this|late|early|mid|en|nel|di)[ -]$/iu;
/** Shorter names of days are words as well: "sun", "mar", "so". */
const LONG_NAME = /\p{L}{4}|\p{Script=Han}|thứ/iu;
const TWO_WORDS = /\S \S/u;
/** "2 minggu lalu" is not "last week", and "45 July" no July. */
const AFTER_NUMBER = /\d[. ]{0,2}$/;

/** What was found names; null when it may be no time. */
function grainOf({ start, text }: ParsedResult, before: string, day: number, today: number): Grain | null {
  const has = (component: Component): boolean => start.isCertain(component);
  const tags = start.tags();
  const isRelative = tags.has('result/relativeDate');
  if (tags.has('result/relativeDateAndTime')) return null;
  if (has('day')) {
    // "Now" and "in the afternoon" are given the day of today.
    const namesToday = isRelative || tags.has('casualReference/today') || tags.has('casualReference/tonight');
    if (day === today && !namesToday && !/\d/.test(text)) return null;
    const isOfWeek = has('weekday') ? start.get('weekday') !== new Date(day).getUTCDay() : isRelative;
    if (isOfWeek) return AFTER_NUMBER.test(before) ? null : 'week';
    return has('year') || /\p{L}/u.test(text) ? 'day' : null;
  }
  if (has('month')) {
    const isAlone = !has('year') && !TWO_WORDS.test(text) && !/\p{Script=Han}/u.test(text);
    return AFTER_NUMBER.test(before) || (isAlone && !BEFORE_MONTH.test(before)) ? null : 'month';
  }
  if (has('weekday')) {
    if (/weekend/i.test(text)) return TWO_WORDS.test(text) ? 'weekend' : null;
    return LONG_NAME.test(text) ? 'weekday' : null;
  }
  if (has('year')) return AFTER_NUMBER.test(before) ? null : 'year';
  const isOfToday = [...tags].some((tag) => tag.startsWith('casualReference/'));
  return isOfToday && TWO_WORDS.test(text) ? 'day' : null;
}
