import { ParsingComponents, type Parser } from 'chrono-node';
import { numberWords } from './number-words.ts';

const UNITS = ['day', 'week', 'month', 'year'] as const;
type Unit = (typeof UNITS)[number];

/** "vorgestern" to "übermorgen". */
const NEAR = [-2, -1, 0, 1, 2];
/** A number of each grammatical form: 1 день, 2 дня, 5 дней. */
const COUNTED = [1, 2, 5];
const NUMBER = '#';

/** In scripts without spaces, and where endings are glued to a word, nothing says where it ends. */
const WITHOUT_BORDERS = new Set(['ja', 'zh-Hans', 'zh-Hant', 'ko', 'th']);

/** What a form means: so many units from now, or the number that it holds, in a direction. */
type Meaning = { unit: Unit; count: number; isCounted: boolean };

/**
 * Reads what a language calls the days, weeks, months and years near by, and those counted in digits or in
 * words up to ten: "vorgestern", "先月", "hace 3 días", "two weeks ago". The words for times are those of
 * Unicode's locale data, which Node brings. Nothing in the pattern repeats, so no text is slow to read.
 */
export function nearTimes(locale: string): Parser {
  const meanings = meaningsIn(locale);
  const forms = [...meanings.keys()].sort((a, b) => b.length - a.length);
  const words = numberWords(locale);
  const inWords = [...words.keys()].map((word) => RegExp.escape(word)).join('|');
  const number = inWords ? `(?:\\d{1,3}|(?<![\\p{L}\\p{M}])(?:${inWords})(?![\\p{L}\\p{M}]))` : '\\d{1,3}';
  const alternatives = forms.map((form) =>
    RegExp.escape(form).replace(RegExp.escape(NUMBER), () => ` ?${number} ?`),
  );
  const border = WITHOUT_BORDERS.has(locale) ? '' : '[\\p{L}\\p{M}\\p{N}]';
  const pattern = new RegExp(
    border ? `(?<!${border})(?:${alternatives.join('|')})(?!${border})` : alternatives.join('|'),
    'iu',
  );
  const inForm = new RegExp(` ?(${number}) ?`, 'iu');
  return {
    pattern: () => pattern,
    extract({ reference }, [found = '']) {
      const said = found.toLowerCase();
      const near = meanings.get(said);
      const [spaced = '', counted = ''] = near ? [] : (said.match(inForm) ?? []);
      const meaning = near ?? meanings.get(said.replace(spaced, NUMBER));
      if (!meaning) return null;
      const times = meaning.isCounted ? (words.get(counted) ?? Number(counted)) : 1;
      return ParsingComponents.createRelativeFromReference(reference, {
        [meaning.unit]: meaning.count * times,
      });
    },
  };
}

/** Every form and its meaning, without those that have two: "कल" is yesterday and tomorrow. */
function meaningsIn(locale: string): Map<string, Meaning> {
  const meanings = new Map<string, Meaning>();
  const ambiguous = new Set<string>();
  const add = (form: string, meaning: Meaning): void => {
    const folded = form.toLowerCase().replaceAll('’', "'").replace(/\s+/gu, ' ');
    const known = meanings.get(folded);
    if (known && (known.unit !== meaning.unit || known.count !== meaning.count)) ambiguous.add(folded);
    meanings.set(folded, meaning);
  };
  const named = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' });
  const counting = new Intl.RelativeTimeFormat(locale, { numeric: 'always' });
  for (const unit of UNITS) {
    for (const count of NEAR) {
      const form = named.format(count, unit);
      if (!/\p{N}/u.test(form)) add(form, { unit, count, isCounted: false });
    }
    for (const direction of [-1, 1])
      for (const count of COUNTED) {
        const parts = counting.formatToParts(direction * count, unit);
        const at = parts.findIndex(({ type }) => type === 'integer');
        const literal = (from: number, to?: number) =>
          parts
            .slice(from, to)
            .map(({ value }) => value)
            .join('');
        if (at >= 0)
          add(`${literal(0, at).trimEnd()}${NUMBER}${literal(at + 1).trimStart()}`, {
            unit,
            count: direction,
            isCounted: true,
          });
      }
  }
  ambiguous.forEach((form) => meanings.delete(form));
  return meanings;
}
