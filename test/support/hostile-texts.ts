/** Texts that make careless code slow: each fills a length with something that patterns stumble over. */

/** One thing over and over, to a length. */
export const filled = (unit: string, length: number): string =>
  unit === '' ? '' : unit.repeat(Math.ceil(length / unit.length)).slice(0, length);
export const fill = (unit: string) => (length: number) => filled(unit, length);

export const HOSTILE_TEXTS: Readonly<Record<string, (length: number) => string>> = {
  'one endless word': fill('a'),
  spaces: (length) => `a${' '.repeat(length - 2)}b`,
  'line breaks': fill('\r\n'),
  'Hangul that decomposes': fill(`${'각'.repeat(33)} `),
  'ideographs without spaces': fill('漢字仮名交文'),
  'letters of Thai, Lao, Khmer and Burmese, each alone': fill('ก ກ ក က '),
  'letters of Thai and Latin by turns': fill('กaขb'),
  'marks upon one letter': (length) => `a${'\u0301\u0323'.repeat(length / 2)}`.slice(0, length),
  'emoji of many parts': fill('👩‍👩‍👧‍👦'),
  digits: fill('1234567890'),
  'sentences of one letter': fill('a. b! c? '),
  'questions without an end': fill('what is, since I, '),
  'quotation marks and brackets': fill('"\\<>&['),
  'tags that open': fill('<think>'),
  'tags that nearly close': fill('</thin'),
  'marks of code': fill('`'),
  'dates that are none': fill('on May 8 20 '),
  'times that never end': fill('the 5 days, 5 днів '),
  'addresses and paths': fill('a@b.c/d-e_f:g;'),
  'words in camel case': fill('aBcDeF'),
  'letters that fold': fill('ßİıſﬃ'),
  'control characters': fill('\u0001\u0085\u2028'),
  backslashes: fill('\\'),
  'escaped quotation marks': fill('\\"'),
  'objects one after the other': fill('{}'),
  'objects that open': fill('{"a":'),
  'lists that open': fill('['),
  'lines that open an object': fill('{\n'),
  events: fill('data:{}\n\n'),
  'names of limits': fill('ratelimit-'),
};

/** A text in lines with an odd sign in the middle of each: whoever looks for one in it nearly finds it. */
export const nearlyTheSame = (text: string): string =>
  (text.match(/[^]{1,748}/g) ?? []).map((line) => `${line.slice(0, 374)}?${line.slice(374)}`).join('\n');
