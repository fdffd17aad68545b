/**
 * The quotes, list items and footnotes that a block of a reply stands in, and what they take from the
 * beginning of its lines. Source: spec.commonmark.org, "Container blocks".
 */

/** A quote, or what is marked once and indented from then on: a list item or a footnote. */
export type Container =
  { kind: 'quote'; startLine: number } | { kind: 'item'; startLine: number; marker: string };

/** A line without what its containers take; `isLazy` when it goes on though it lacks the marks of some. */
export type InnerLine = { text: string; isLazy: boolean };

const MARKER = /[-+*]|\d{1,9}[.)]|\[\^(?:[^\]\\]|\\.)*\]:/y;
const FOOTNOTE_INDENT = 4;
/** More spaces than this after the marker are part of what it marks: code. */
const MAX_SPACES = 4;

/** The container that begins on a line which stands in the containers `around`. */
export function itemOn(line: string, startLine: number, around: readonly Container[]): Container {
  const cursor = within(line, startLine, around).cursor;
  const indent = eatSpaces(cursor, Infinity);
  const marker = eatMarker(cursor);
  const after = { ...cursor };
  const spaces = eatSpaces(after, MAX_SPACES + 1);
  const isTight = spaces === 0 || spaces > MAX_SPACES || restOf(after).trim() === '';
  return {
    kind: 'item',
    startLine,
    marker: ' '.repeat(indent) + marker + ' '.repeat(isTight ? 1 : spaces),
  };
}

/** A line without what the containers around it take. */
export function innerLine(line: string, number: number, containers: readonly Container[]): InnerLine {
  const { cursor, isLazy } = within(line, number, containers);
  return { text: restOf(cursor), isLazy };
}

/** How far the lines below a marker are indented. */
export function indentOf(marker: string): number {
  return marker.trimStart().startsWith('[^') ? FOOTNOTE_INDENT : marker.length;
}

/** A place in a line. A tab that is used up in part leaves `spare` spaces. */
type Cursor = { line: string; at: number; column: number; spare: number };

function within(
  line: string,
  number: number,
  containers: readonly Container[],
): { cursor: Cursor; isLazy: boolean } {
  let cursor: Cursor = { line, at: 0, column: 0, spare: 0 };
  for (const container of containers) {
    const next = { ...cursor };
    if (!enter(next, number, container)) return { cursor, isLazy: true };
    cursor = next;
  }
  return { cursor, isLazy: false };
}

/** Takes the mark or the indentation of a container; false for a line that has neither. */
function enter(cursor: Cursor, number: number, container: Container): boolean {
  if (container.kind === 'quote') {
    eatSpaces(cursor, 3);
    if (cursor.spare > 0 || cursor.line[cursor.at] !== '>') return false;
    step(cursor, 1);
    eatSpaces(cursor, 1);
    return true;
  }
  const { marker, startLine } = container;
  if (number === startLine) {
    const indent = eatSpaces(cursor, Infinity);
    const mark = eatMarker(cursor);
    eatSpaces(cursor, marker.length - indent - mark.length);
    return true;
  }
  const width = indentOf(marker);
  return eatSpaces(cursor, width) === width || restOf(cursor).trim() === '';
}

function eatMarker(cursor: Cursor): string {
  MARKER.lastIndex = cursor.at;
  const mark = MARKER.exec(cursor.line)?.[0] ?? '';
  step(cursor, mark.length);
  return mark;
}

/** Takes as many columns of white space as there are, up to `most`, and says how many that were. */
function eatSpaces(cursor: Cursor, most: number): number {
  let eaten = 0;
  while (eaten < most) {
    const character = cursor.line[cursor.at];
    if (cursor.spare > 0) cursor.spare -= 1;
    else if (character === ' ') step(cursor, 1);
    else if (character === '\t') {
      cursor.spare = 3 - (cursor.column % 4);
      cursor.at += 1;
      cursor.column += cursor.spare + 1;
    } else break;
    eaten += 1;
  }
  return eaten;
}

function step(cursor: Cursor, characters: number): void {
  cursor.at += characters;
  cursor.column += characters;
}

function restOf({ line, at, spare }: Cursor): string {
  return ' '.repeat(spare) + line.slice(at);
}
