/** What is derived of an exchange beside vectors. It is read apart from the thread that everybody shares. */
import { apart, type ApartOwner } from '../../lib/apart.ts';
import type { Passage, Span } from '../text/passages.ts';
import { flagsOf, weightOf } from '../text/questions.ts';
import { dayInWords } from '../text/search-text.ts';
import { toTermVector } from '../text/search-terms.ts';
import { wordsOf } from '../text/terms.ts';
import { daysNamedIn } from '../text/time-range.ts';
import { DERIVED_VERSION, UNREAD_VERSION } from './derived-version.ts';

/** An exchange's texts, '' where there is none, when it was said, and how it is cut. */
export type Underived = { user: string; reply: string; createdAt: Date; passages: readonly Passage[] };

export type Derived = {
  /** See `flagsOf`. */
  flags: number;
  /** How much the user's message says, see `weightOf`. */
  userWeight: number;
  /** Of each passage, in their order, see `toTermVector`. */
  terms: string[];
  /** Of the code that has derived it. */
  version: number;
};

/** Of texts that can't be read in time recall knows the meaning alone. A reindex tries once more. */
const read = apart(import.meta.url, derivedOf, ({ passages }): Derived => {
  return { flags: 0, userWeight: 0, terms: passages.map(() => toTermVector([])), version: UNREAD_VERSION };
});

/**
 * What is derived of an exchange of `owner`'s, whatever else is known of its passages. Rejects as `apart`
 * does.
 */
export function derive(owner: ApartOwner, exchange: Underived): Promise<Derived> {
  const passages = exchange.passages.map(({ user, reply }) => ({ user, reply }));
  return read(owner, { ...exchange, passages });
}

/** What it gives for a text stands in `DERIVED_VERSION`. */
export function derivedOf({ user, reply, createdAt, passages }: Underived): Derived {
  return {
    flags: flagsOf(user, reply),
    userWeight: weightOf(user),
    terms: passages.map((passage) =>
      termsOf([partOf(user, passage.user), partOf(reply, passage.reply)], createdAt),
    ),
    version: DERIVED_VERSION,
  };
}

/** A part of a message, and where it begins there. */
type MessagePart = { text: string; from: number };

function partOf(text: string, { from, to }: Span): MessagePart {
  return { text: text.slice(from, to), from };
}

/** Days are looked for so far into a message: further on it would take long. */
const DAYS_WITHIN_LETTERS = 2_000;

/** A passage's words, the day on which it was said, and the days that it names. */
function termsOf(parts: readonly MessagePart[], saidAt: Date): string {
  const named = parts.flatMap(({ text, from }) =>
    from < DAYS_WITHIN_LETTERS ? daysNamedIn(text, saidAt) : [],
  );
  const texts = [...parts.map(({ text }) => text), ...[saidAt, ...named].map(dayInWords)];
  return toTermVector(texts.flatMap((text) => wordsOf(text, 'stored')));
}

export { makeTimesReady as makeReady } from '../text/named-times.ts';
