import * as chrono from 'chrono-node';
import type { Language } from './languages.ts';
import { nearTimes } from './near-times.ts';

/** What chrono-node knows of the languages; of the others it has nothing. */
const KNOWN: Partial<Record<Language, { casual: chrono.Chrono }>> = {
  ...{ en: chrono.en, de: chrono.de, fr: chrono.fr, es: chrono.es, it: chrono.it, pt: chrono.pt },
  ...{ nl: chrono.nl, sv: chrono.sv, fi: chrono.fi, vi: chrono.vi, id: chrono.id, ar: chrono.ar },
  ...{ ru: chrono.ru, uk: chrono.uk, ja: chrono.ja },
  ...{ 'zh-Hans': chrono.zh.hans, 'zh-Hant': chrono.zh.hant },
};

/**
 * Its parsers that are left out, by their classes' names: times of the day ("at 5") and durations ("for two
 * years") are no days. Those that count units, but for the German and the French one, try each way of reading a
 * run of them, which takes minutes for a line of "days days days": `nearTimes` counts.
 */
const LEFT_OUT = /TimeExpression|Within|Later|UnitCasualRelative|EndOf|Deadline|^(?!DE|FR).*TimeUnit/;

/** A year alone, which chrono-node has none of. Without a word before it, it may be any number. */
const YEAR: chrono.Parser = {
  pattern: () => /(?<!\p{L})(?:in|during|of|en|em|nel|im jahr) ((?:19|20)\d\d)(?![\p{L}\p{N}/-])/iu,
  extract: (_context, [, year]) => ({ year: Number(year) }),
};

const parsers = new Map<Language, chrono.Chrono>();

/** The parser of a language, made when it is first asked for. */
export function timeParser(language: Language): chrono.Chrono {
  const made = parsers.get(language) ?? make(language);
  parsers.set(language, made);
  return made;
}

function make(language: Language): chrono.Chrono {
  // Of two readings of the same letters the first one counts.
  const { parsers: own = [], refiners = [] } = KNOWN[language]?.casual ?? {};
  const kept = own.filter((parser) => !LEFT_OUT.test(parser.constructor.name));
  return new chrono.Chrono({ parsers: [nearTimes(language), ...kept, YEAR], refiners });
}
