/**
 * What it costs to read markdown, estimated line by line before any of it is parsed. The parser's time mostly
 * grows with the lines, and with marks that begin something; a few things take the square. Each is weighed by
 * what was measured, in about microseconds of a common machine, and rather too high than too low.
 */
import { codeReader } from './open-fence.ts';

/** How much of the parser's time may still be spent; whoever spends some takes it off. */
export type Allowance = { left: number };

/** What has been read of a text. */
type Reading = {
  work: number;
  /** Whether any quote or item has begun: lines without marks may go on with its text. */
  isContained: boolean;
  /** Since the last blank line. Nothing that takes a square reaches beyond it. */
  lines: number;
  characters: number;
  runs: number;
  isCode: (line: string) => boolean;
  mayHideCode: boolean;
};

const PER_CHARACTER = { blocks: 1, whole: 3 };
const PER_LINE = 18;
/** And what begins below it. */
const PER_BLANK_LINE = 12;
/** A quote, an item or a footnote that begins. */
const PER_CONTAINER = { blocks: 75, whole: 60 };
/** A cell of a table, perhaps. */
const PER_PIPE = 12;
/** What may begin a tag, or the definition of a link or of a footnote. */
const PER_BRACKET = 15;
/** A line without the marks of what it goes on with is compared with every line of that text before it. */
const PER_LAZY_LINE_AND_LINE = 0.12;
/** What looks for its other end, or its address, through the whole text that it stands in. */
const PER_SEEKER_AND_CHARACTER = 0.1;
/** A sign that may stand behind a link, for each further one of its run. */
const PER_ENDING_AND_ENDING = 0.04;
/** A run of marks for emphasis may be compared with every run before it. */
const PER_RUN_AND_RUN = 0.12;

const BLANK = /^[ \t]*$/;
/** A single backtick finds the next one. Longer runs, comments, brackets and bare links may find nothing. */
const SEEKER = /`{2,}|<[!?]|\]|&|www\.|:\/\//gi;
/** HTML may hide the mark of code from the parser. */
const BEGINS_WITH_HTML = /^(?:[ \t>*+-]|\d{1,9}[.)])*</;
/** Signs that end no bare link: after each of a run the parser looks at the rest of it. */
const LINK = /www\.|:\/\//i;
const ENDINGS = /[!"'),.:;?*_~\]]{20,}/g;
const RUN = /\*+|_+|~{2,}/g;
const WORD_SIGN = /[\p{L}\p{N}]/u;

/**
 * Reads a text line by line, for its work all in all. `isWhole`: also what stands within the lines is to be
 * parsed. `markers`: how many quotes, items and footnotes begin on the line.
 */
export function createWorkMeter(isWhole: boolean): { add: (line: string, markers: number) => number } {
  const reading: Reading = {
    ...{ work: 0, isContained: false, lines: 0, characters: 0, runs: 0 },
    ...{ isCode: codeReader(), mayHideCode: false },
  };
  const kind = isWhole ? 'whole' : 'blocks';
  return {
    add: (line, markers) => {
      const isCode = isWhole && reading.isCode(line) && !reading.mayHideCode;
      if (isBlank(line)) {
        Object.assign(reading, { work: reading.work + PER_BLANK_LINE, lines: 0, characters: 0, runs: 0 });
        return reading.work;
      }
      reading.lines += 1;
      reading.isContained ||= markers > 0;
      reading.work += PER_LINE + line.length * PER_CHARACTER[kind] + markers * PER_CONTAINER[kind];
      reading.work += countOf(line, '|') * PER_PIPE;
      reading.work += (countOf(line, ']') + countOf(line, '<')) * PER_BRACKET;
      if (markers === 0 && reading.isContained) reading.work += reading.lines * PER_LAZY_LINE_AND_LINE;
      if (isWhole && !isCode) addPhrases(line, reading);
      return reading.work;
    },
  };
}

/** As the parser has it: other spaces are words. */
export function isBlank(line: string): boolean {
  return BLANK.test(line);
}

function addPhrases(line: string, reading: Reading): void {
  reading.mayHideCode ||= BEGINS_WITH_HTML.test(line);
  for (const { index } of line.matchAll(SEEKER))
    reading.work += (reading.characters + index) * PER_SEEKER_AND_CHARACTER;
  reading.characters += line.length;
  if (LINK.test(line))
    for (const [run] of line.matchAll(ENDINGS)) reading.work += run.length ** 2 * PER_ENDING_AND_ENDING;
  for (const { 0: run, index } of line.matchAll(RUN)) {
    // Within a word this sign is one of its letters.
    if (run.startsWith('_') && isInWord(line, index, run.length)) continue;
    reading.runs += 1;
    reading.work += reading.runs * PER_RUN_AND_RUN;
  }
}

function isInWord(line: string, at: number, length: number): boolean {
  return WORD_SIGN.test(line.charAt(at - 1)) && WORD_SIGN.test(line.charAt(at + length));
}

function countOf(line: string, sign: string): number {
  let count = 0;
  for (let at = line.indexOf(sign); at !== -1; at = line.indexOf(sign, at + 1)) count += 1;
  return count;
}
