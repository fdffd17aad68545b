import { isAscii, normalized } from '../../lib/normalized.ts';
import { UNSPACED } from './words.ts';

/**
 * A word as search compares it: by its pieces. Two words match by the share of pieces that they have in
 * common, so that "собаку" finds "собака" and "Fotograf" finds "Hochzeitsfotograf" without a stemmer for any
 * language. What is said once and asked in another form shares its root, wherever a language glues.
 */
export type Word = {
  /** The whole word, folded. */
  word: string;
  /** Distinct, in the order of the word. */
  pieces: string[];
  /** 1 for most words. Short words mostly join other words and say little themselves. */
  weight: number;
  /** A further form of words that are in the list already. It counts if found, and is no loss if not. */
  optional: boolean;
};

/** Letters in a piece. Four did best on the recall benchmark: three match too much, five too little. */
const PIECE_LETTERS = 4;
/** A word of so many letters has its full weight. */
const FULL_WEIGHT_LETTERS = 6;
/** A Chinese or Japanese character says about as much as so many letters. */
const LETTERS_PER_CHARACTER = 4;
/** A word has no more pieces, so that one endless word leaves room for others. */
const MAX_PIECES = 15;
/** A longer chunk ("https://…?token=…") is searched by its parts only. */
const MAX_JOINED = 64;
/** Of a longer text both ends are searched, so that no message takes long. */
const CHARACTERS_FROM_EACH_END = 4_000;

const CHARACTER = '\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}ー';
const UNSPACED_LETTERS = `[${UNSPACED}\\p{M}ー]+`;
/** Runs of digits, of letters in a script without spaces, of Latin and of other letters. */
const RUN = new RegExp(
  `\\p{N}+|(?=[${UNSPACED}])${UNSPACED_LETTERS}|(?=\\p{L})(?:[\\p{Script=Latin}\\p{M}]+|(?:(?![${UNSPACED}\\p{Script=Latin}])[\\p{L}\\p{M}])+)`,
  'gu',
);
const IS_CHARACTER = new RegExp(`[${CHARACTER}]`, 'u');
const IS_HAN = /\p{Script=Han}/u;
const IS_UNSPACED = new RegExp(`^[${UNSPACED}]`, 'u');
const CHARACTERS = new RegExp(`[${CHARACTER}]+|[^${CHARACTER}]+`, 'gu');
/** Groups of digits that may be one number. A phone number is grouped by everyone in another way. */
const DIGIT_GROUPS = /(?<!\d)\d+(?:[ ()./+-]{1,3}\d+)+/g;
const GROUPED_DIGITS = { fewest: 7, most: 15 };
/** Format characters such as soft hyphens, and the tatweel: they are invisible or only stretch a word. */
const INVISIBLE = /\p{Cf}|\u0640/gu;
const MARKS = /[\p{Mn}&&[\p{Diacritic}\p{Script=Inherited}]]/gv;
/** Where spaces or what stands for them separate. An apostrophe does too: "l'ami", "Rex's", "İzmir'de". */
const BETWEEN_CHUNKS = /[\s'’‘ʼ]+/u;
const CAMEL = /(?<=\p{Ll})(?=\p{Lu})/u;

/** Finds the words of scripts that put no spaces between them. */
const segmenter = new Intl.Segmenter('und', { granularity: 'word' });

type Side = 'stored' | 'asked';

/**
 * The distinct words of a text, by first occurrence. Both sides of a search are cut alike, except for Chinese
 * and Japanese: a stored text gets all pairs of characters, as where a word ends depends on its neighbours.
 */
export function wordsOf(text: string, side: Side): Word[] {
  const words = new Map<string, Word>();
  const clean = endsOf(compatible(endsOf(text))).replace(INVISIBLE, '');
  const chunks = clean.split(BETWEEN_CHUNKS).map((chunk) => chunk.match(RUN) ?? []);
  const segmentsOf = segmentsIn(chunks.flat(), side);
  for (const runs of chunks) {
    for (const word of wordsOfChunk(runs, side, segmentsOf))
      if (!words.has(word.word)) words.set(word.word, word);
  }
  for (const groups of clean.match(DIGIT_GROUPS) ?? []) joinGroups(groups, words);
  return [...words.values()];
}

/** One number more, and the groups count if found: others group it in another way. */
function joinGroups(groups: string, words: Map<string, Word>): void {
  const digits = groups.replace(/\D/g, '');
  if (digits.length < GROUPED_DIGITS.fewest || digits.length > GROUPED_DIGITS.most) return;
  for (const group of groups.match(/\d+/g) ?? []) {
    const word = words.get(withoutZeros(group));
    if (word) words.set(word.word, { ...word, optional: true });
  }
  const word = `=${withoutZeros(digits)}`;
  words.set(word, { word, pieces: [word], weight: 1, optional: true });
}

/** 030 is 30, and order 00317 is order 317. */
const withoutZeros = (digits: string): string => digits.replace(/^0+(?=\d)/, '');

/** A text grows no longer than this, or twice as long: "ﷺ" is eighteen letters. */
const GROWS_TO = 64;

/** With one form for what looks or means the same: "①" is 1, "ﬁ" is fi. */
const compatible = (text: string): string =>
  normalized(text, 'NFKC').slice(0, Math.max(GROWS_TO, 2 * text.length));

function endsOf(text: string): string {
  return text.length <= 2 * CHARACTERS_FROM_EACH_END
    ? text
    : `${text.slice(0, CHARACTERS_FROM_EACH_END)} ${text.slice(-CHARACTERS_FROM_EACH_END)}`;
}

/**
 * The words of what stands between two spaces, by its runs. "RX-4471", "rx4471", "user_name", "userName" and
 * "anna@firma.de" are found by their parts and as joined.
 */
function wordsOfChunk(runs: readonly string[], side: Side, segmentsOf: SegmentsOf): Word[] {
  const words = runs.flatMap((run) => {
    if (IS_UNSPACED.test(run)) return wordsOfUnspaced(run, side, segmentsOf);
    const parts = run.split(CAMEL);
    return parts.map((part) => wordOf(part));
  });
  if (words.length < 2 || runs.some((run) => IS_UNSPACED.test(run))) return words;
  const joined = fold(runs.join(''));
  if (joined.length > MAX_JOINED) return words;
  return [...words, { word: `=${joined}`, pieces: [`=${joined}`], weight: 1, optional: true }];
}

function wordsOfUnspaced(run: string, side: Side, segmentsOf: SegmentsOf): Word[] {
  return partsOf(run).flatMap((part) => {
    if (!IS_CHARACTER.test(part)) return segmentsOf(part).map(wordOf);
    const single = side === 'asked' ? segmentsOf(part).filter((word) => word.length === 1) : [...part];
    return [...pairsOf(part), ...single.filter((character) => IS_HAN.test(character))].map(wordOfCharacters);
  });
}

/** A run without spaces, as parts of Chinese and Japanese characters and of others. */
const partsOf = (run: string): string[] => run.match(CHARACTERS) ?? [];

type SegmentsOf = (part: string) => readonly string[];

/**
 * The words of each part of these runs. All parts go through the segmenter at once: a call costs as much as
 * hundreds of letters do, and a hostile text has thousands of parts. No word reaches over a line's end.
 */
function segmentsIn(runs: readonly string[], side: Side): SegmentsOf {
  const parts = new Set(runs.filter((run) => IS_UNSPACED.test(run)).flatMap(partsOf));
  const segmented = [...parts].filter((part) => side === 'asked' || !IS_CHARACTER.test(part));
  const segments = new Map<string, string[]>(segmented.map((part) => [part, []]));
  let nth = 0;
  for (const { segment } of segmenter.segment(segmented.join('\n'))) {
    if (segment === '\n') nth += 1;
    else segments.get(segmented[nth] ?? '')?.push(segment);
  }
  return (part) => segments.get(part) ?? [part];
}

function pairsOf(text: string): string[] {
  const characters = [...text];
  return characters.slice(1).map((character, i) => `${characters[i]}${character}`);
}

function wordOfCharacters(word: string): Word {
  const weight = weightOf(LETTERS_PER_CHARACTER * [...word].length);
  return { word, pieces: [word], weight, optional: false };
}

/**
 * A word of letters or digits. A number is one piece, since 4471 is not nearly 4472. A word with accents is
 * found without them too, but better with them: the accented word is one more piece.
 */
function wordOf(word: string): Word {
  const folded = fold(word);
  if (/^\p{N}/u.test(word)) {
    const number = withoutZeros(folded);
    return { word: number, pieces: [`=${number}`], weight: 1, optional: false };
  }
  const letters = isAscii(folded) ? `_${folded}_` : [...`_${folded}_`];
  const pieces = new Set<string>();
  const last = Math.min(Math.max(letters.length - PIECE_LETTERS, 0), MAX_PIECES - 2);
  for (let from = 0; from <= last; from += 1) {
    const piece = letters.slice(from, from + PIECE_LETTERS);
    pieces.add(typeof piece === 'string' ? piece : piece.join(''));
  }
  const accented = normalized(word, 'NFD').toUpperCase();
  if (accented !== folded) pieces.add(`^${accented}`);
  return { word: folded, pieces: [...pieces], weight: weightOf(letters.length - 2), optional: false };
}

function weightOf(letters: number): number {
  return Math.min(1, letters / FULL_WEIGHT_LETTERS) ** 2;
}

/**
 * Without case, accents and vowel points, Korean syllables as their letters, digits of any script as ASCII.
 * Upper case, since it unites more than lower case: ß and SS, ς and σ, ı and i.
 */
function fold(word: string): string {
  if (isAscii(word)) return word.toUpperCase();
  return normalized(word, 'NFD')
    .replace(MARKS, '')
    .toUpperCase()
    .replace(/(?![0-9])\p{Nd}/gu, asciiDigit);
}

/** Unicode has the digits of every script in order from 0 to 9. */
function asciiDigit(digit: string): string {
  const code = digit.codePointAt(0) ?? 0;
  let zero = code;
  while (code - zero < 9 && /\p{Nd}/u.test(String.fromCodePoint(zero - 1))) zero -= 1;
  return String((code - zero) % 10);
}
