/** A place in a line of Markdown, by columns: a tab reaches to the next one that four divides. */
export type LineCursor = {
  readonly line: string;
  at: number;
  column: number;
  /** Columns that are left of a tab which is used up in part. */
  spare: number;
};

/** The beginning of a line. */
export const beginOf = (line: string): LineCursor => ({ line, at: 0, column: 0, spare: 0 });

/** Goes on by characters that take a column each. */
export function step(cursor: LineCursor, characters: number): void {
  cursor.at += characters;
  cursor.column += characters;
}

/** Takes as many columns of white space as there are, up to `most`, and says how many that were. */
export function eatSpaces(cursor: LineCursor, most: number): number {
  let eaten = 0;
  while (eaten < most) {
    const character = cursor.line[cursor.at];
    if (cursor.spare > 0) cursor.spare -= 1;
    else if (character === ' ') step(cursor, 1);
    else if (character === '\t') {
      cursor.spare = 3 - (cursor.column % 4);
      step(cursor, 1);
      cursor.column += cursor.spare;
    } else break;
    eaten += 1;
  }
  return eaten;
}

/** Takes the mark of a quote and the space behind it; false, and nothing taken, where there is none. */
export function eatQuote(cursor: LineCursor): boolean {
  const next = { ...cursor };
  eatSpaces(next, 3);
  if (next.spare > 0 || next.line[next.at] !== '>') return false;
  step(next, 1);
  eatSpaces(next, 1);
  Object.assign(cursor, next);
  return true;
}
