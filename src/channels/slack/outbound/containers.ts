/**
 * The quotes, list items and footnotes that a block of a reply stands in, and what they take from the
 * beginning of its lines. Source: spec.commonmark.org, "Container blocks".
 */
import { beginOf, eatQuote, eatSpaces, step, type LineCursor } from '../../../lib/line-cursor.ts';

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

function within(
  line: string,
  number: number,
  containers: readonly Container[],
): { cursor: LineCursor; isLazy: boolean } {
  let cursor = beginOf(line);
  for (const container of containers) {
    const next = { ...cursor };
    if (!enter(next, number, container)) return { cursor, isLazy: true };
    cursor = next;
  }
  return { cursor, isLazy: false };
}

/** Takes the mark or the indentation of a container; false for a line that has neither. */
function enter(cursor: LineCursor, number: number, container: Container): boolean {
  if (container.kind === 'quote') return eatQuote(cursor);
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

function eatMarker(cursor: LineCursor): string {
  MARKER.lastIndex = cursor.at;
  const mark = MARKER.exec(cursor.line)?.[0] ?? '';
  step(cursor, mark.length);
  return mark;
}

function restOf({ line, at, spare }: LineCursor): string {
  return ' '.repeat(spare) + line.slice(at);
}
