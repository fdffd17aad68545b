/** The text of an answer while it grows, and where in it a tag would stand: in code, in quotes, in prose. */
import { createGrowingText } from './growing-text.ts';

/** What closes a quotation or inline code, by what opens it. */
const PAIRS: Readonly<Record<string, string>> = {
  '`': '`',
  '"': '"',
  "'": "'",
  '“': '”',
  '‘': '’',
  '«': '»',
  '„': '“',
  '「': '」',
};

/** Whether what stands between the two is wrapped in quotes of one kind. */
export function isQuoted(before: string, after: string): boolean {
  const closing = PAIRS[before];
  return closing !== undefined && after.startsWith(closing);
}

/** A line's start, a sentence's end (a list's number is none), or an emoji after a word. */
const PROSE_BEGINS =
  /(?:^|\n)[ \t]{0,3}$|[^\d\s][.!?…。！？][.!?…。！？'"”’»)*_\]]{0,4}\s{0,24}$|[\p{L}\p{N}.!?,] ?\p{Extended_Pictographic}\uFE0F?\s{0,24}$/u;
/** Within a line: after a space, an opening bracket, a dash, or a letter of a script without capitals. */
const PROSE_GOES_ON = /[ \t\p{Ps}\p{Pi}\p{Pd}\p{Lo}:=/]$/u;
const RECENT = 64;

export type AnswerText = ReturnType<typeof createAnswerText>;

/** An answer's text so far. */
export function createAnswerText() {
  let code = createCodeWatch();
  let said = createGrowingText();
  /** Space that belongs to the text only if more follows. */
  let gap = '';
  let recent = '';
  let settled = '';
  const watch = (piece: string): void => {
    code.push(piece);
    recent = (recent + piece.slice(-RECENT)).slice(-RECENT);
  };
  return {
    text: () => said.text(),
    isEmpty: () => said.text() === '',
    add: (piece: string): void => {
      if (piece === '') return;
      watch(piece);
      said.add(gap + piece);
      gap = '';
    },
    /** Space before or after a thought: the larger of both stays. None stands at the beginning. */
    addSpace: (space: string): void => {
      if (said.text() === '') return;
      watch(space);
      if (space.length > gap.length) gap = space;
    },
    /** A thought begins here: what came before it is no part of a thought. */
    settle: (): void => void (settled = said.text()),
    /** All since the last thought was one itself. Gives how long it was. */
    dropUnsettled: (): number => {
      const dropped = said.text().length - settled.length;
      said = createGrowingText(settled);
      gap = '';
      recent = settled === '' ? '' : '\n';
      code = createCodeWatch();
      return dropped;
    },
    /** Whether a tag that stands here is only spoken of. */
    quotes: (after: string): boolean => code.inCode() || isQuoted(recent.slice(-1), after),
    proseBegins: (): boolean => PROSE_BEGINS.test(recent),
    /** Whether a sentence would go on here. */
    isWithinProse: (): boolean => !PROSE_BEGINS.test(recent) && PROSE_GOES_ON.test(recent),
  };
}

/** Follows code blocks and inline code, each character once. */
function createCodeWatch() {
  let fence = '';
  let line = '';
  /** Inline code ends with as many backticks as it began with. */
  let inline = 0;
  let ticks = 0;
  const endTicks = (): void => {
    if (ticks > 0) inline = inline === 0 ? ticks : inline === ticks ? 0 : inline;
    ticks = 0;
  };
  const fenceOf = (): string => /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1] ?? '';
  const endLine = (): void => {
    const found = fenceOf();
    if (fence === '') fence = found;
    else if (found.startsWith(fence) && line.trim() === found) fence = '';
    ticks = 0;
    inline = 0;
    line = '';
  };
  return {
    push(text: string): void {
      for (const character of text) {
        if (character === '\n') endLine();
        else {
          if (character === '`') ticks += 1;
          else endTicks();
          // A line's beginning tells whether it is a fence.
          if (line.length < 40) line += character;
        }
      }
    },
    /** Within a block, in the line that opens one, or after backticks that none have closed. */
    inCode: (): boolean => {
      const found = fenceOf();
      if (fence !== '') return !(found.startsWith(fence) && line.trim() === found);
      const open = ticks > 0 ? (inline === 0 ? ticks : inline === ticks ? 0 : inline) : inline;
      return found !== '' || open > 0;
    },
  };
}
