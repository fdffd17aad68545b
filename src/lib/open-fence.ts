/**
 * Markdown that breaks off within a block of code. Read line by line and not by a parser: a reply of 200,000
 * characters costs milliseconds this way, where a tree of it takes seconds of the whole process. Source:
 * spec.commonmark.org, "Container blocks" and "Fenced code blocks". HTML is taken for text.
 */
import { beginOf, eatQuote, eatSpaces, step, type LineCursor } from './line-cursor.ts';

/** A quote, or what is marked once and indented from then on: a list item or a footnote. */
type Container = { kind: 'quote' } | { kind: 'item'; indent: number };

type Fence = { mark: string; depth: number; prefix: string };

type Reading = {
  /** What the next line may go on in, outermost first. */
  open: Container[];
  fence: Fence | undefined;
  /** Text that a line without the marks of its containers goes on with. */
  inText: boolean;
};

/** Below so many marks nobody writes code, and each line would be looked at for all of them. */
const MAX_CONTAINERS = 20;
/** More columns than this are part of what is marked. */
const MAX_SPACES = 4;

/** A longer mark would cost as much as the reply, and nobody writes one. */
const MAX_MARK = 80;

const ITEM = /(?:[-+*]|(\d{1,9})[.)])(?=[ \t]|$)/y;
const FOOTNOTE = /\[\^[^[\]\s]{1,999}\]:/y;
const RULE = /([-*_])[ \t]*(?:\1[ \t]*){2,}$/y;
const OPENING = /(`{3,})[^`]*$|(~{3,})/y;
const CLOSING = /(`{3,}|~{3,})[ \t]*$/y;
const HEADING = /#{1,6}(?:[ \t]|$)/y;

/** The text with its last block of code closed, if that is still open. */
export function closeOpenFence(text: string): string {
  const closing = closingOf(text);
  return closing === '' ? text : `${text.replace(/\n$/, '')}${closing}`;
}

/**
 * What closes the block of code that is open at a text's end, within the quotes and lists that it stands in;
 * empty when none is.
 */
export function closingOf(text: string): string {
  const reading: Reading = { open: [], fence: undefined, inText: false };
  // What ends in a line's end has no line after it.
  for (const line of text.replace(/(?:\r\n?|\n)$/, '').split(/\r\n?|\n/)) readLine(line, reading);
  const { fence } = reading;
  return fence && fence.mark.length <= MAX_MARK ? `\n${fence.prefix}${fence.mark}` : '';
}

/** Tells of each line of a text, given one after the other, whether it stands within fenced code. */
export function codeReader(): (line: string) => boolean {
  const reading: Reading = { open: [], fence: undefined, inText: false };
  return (line) => {
    const { fence } = reading;
    readLine(line, reading);
    return fence !== undefined && fence === reading.fence;
  };
}

function readLine(line: string, reading: Reading): void {
  if (line.trim() === '') {
    readBlank(reading);
    return;
  }
  const cursor = beginOf(line);
  const goesOn = enterAll(cursor, reading.open);
  if (reading.fence && goesOn >= reading.fence.depth) {
    if (closes(cursor, reading.fence)) reading.fence = undefined;
    return;
  }
  reading.fence = undefined;
  const left = reading.open.splice(goesOn);
  const before = reading.open.length;
  const isLazy = reading.inText && left.length > 0;
  openAll(cursor, reading, reading.inText && left.length === 0);
  const indent = eatSpaces(cursor, MAX_SPACES);
  const isCode = indent === MAX_SPACES && !(reading.inText && reading.open.length === before);
  if (isBlank(cursor) || isCode) {
    reading.inText = false;
    return;
  }
  const mark = indent < MAX_SPACES && matched(OPENING, cursor);
  if (mark) {
    const prefix = reading.open.map((one) => (one.kind === 'quote' ? '> ' : ' '.repeat(one.indent))).join('');
    reading.fence = { mark: mark[1] ?? mark[2] ?? '', depth: reading.open.length, prefix };
    reading.inText = false;
    return;
  }
  const isText = indent === MAX_SPACES || !(matched(HEADING, cursor) || matched(RULE, cursor));
  // What lacks only its marks is the text of the containers that it lacks.
  if (isText && isLazy && reading.open.length === before) reading.open.push(...left);
  reading.inText = isText;
}

/** A line without words goes on in lists, and ends quotes. */
function readBlank(reading: Reading): void {
  const quote = reading.open.findIndex(({ kind }) => kind === 'quote');
  const goesOn = quote === -1 ? reading.open.length : quote;
  if (reading.fence && goesOn >= reading.fence.depth) return;
  reading.fence = undefined;
  reading.open.splice(goesOn);
  reading.inText = false;
}

/** How many of the containers the line goes on in; the cursor stands behind their marks. */
function enterAll(cursor: LineCursor, containers: readonly Container[]): number {
  for (const [at, container] of containers.entries()) {
    const next = { ...cursor };
    if (!enter(next, container)) return at;
    Object.assign(cursor, next);
  }
  return containers.length;
}

function enter(cursor: LineCursor, container: Container): boolean {
  if (container.kind === 'quote') return eatQuote(cursor);
  return eatSpaces(cursor, container.indent) === container.indent || isBlank(cursor);
}

/** Opens the containers that begin on a line; `isWithinText`: the line may go on with a text. */
function openAll(cursor: LineCursor, reading: Reading, isWithinText: boolean): void {
  const { open } = reading;
  const before = open.length;
  while (open.length < MAX_CONTAINERS) {
    const next = { ...cursor };
    if (eatQuote(next)) open.push({ kind: 'quote' });
    else {
      const indent = eatSpaces(next, MAX_SPACES);
      if (indent === MAX_SPACES || matched(RULE, next)) return;
      const item = matched(ITEM, next);
      const mark = (item ?? matched(FOOTNOTE, next))?.[0];
      if (mark === undefined) return;
      step(next, mark.length);
      // In the middle of text a list begins with 1, and with a word.
      const isInside = isWithinText && open.length === before;
      if (item && isInside && ((item[1] ?? '1') !== '1' || isBlank(next))) return;
      if (!item) eatSpaces(next, Infinity);
      open.push({ kind: 'item', indent: item ? indent + mark.length + eatMargin(next) : MAX_SPACES });
    }
    reading.inText = false;
    Object.assign(cursor, next);
  }
}

/** The columns between an item's mark and its words. */
function eatMargin(cursor: LineCursor): number {
  const after = { ...cursor };
  const spaces = eatSpaces(after, MAX_SPACES + 1);
  if (spaces > MAX_SPACES || isBlank(after)) {
    eatSpaces(cursor, 1);
    return 1;
  }
  Object.assign(cursor, after);
  return spaces;
}

function closes(cursor: LineCursor, { mark }: Fence): boolean {
  const next = { ...cursor };
  if (eatSpaces(next, MAX_SPACES) === MAX_SPACES) return false;
  return matched(CLOSING, next)?.[1]?.startsWith(mark) === true;
}

function matched(pattern: RegExp, { line, at, spare }: LineCursor): RegExpExecArray | null {
  pattern.lastIndex = at;
  return spare > 0 ? null : pattern.exec(line);
}

const BLANK = /[ \t]*$/y;

function isBlank(cursor: LineCursor): boolean {
  return matched(BLANK, { ...cursor, spare: 0 }) !== null;
}
