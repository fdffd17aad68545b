/** Lays the blocks of a reply out into messages. Pure. */
import type { Allowance } from '../../../lib/markdown-work.ts';
import { indentOf, type Container } from './containers.ts';
import { escapedLength, fitting, wholeCharacters, ZERO_WIDTH_SPACE } from './plain-text.ts';
import type { ReplyBlock } from './reply-blocks.ts';
import { beginsWithMark, cutText } from './text-cut.ts';

/** The messages that are full, and the one that is being filled. */
type Filling = {
  length: number;
  /** No more of them are filled. */
  most: number;
  allowance: Allowance;
  full: string[];
  lines: string[];
  /** The length of `lines`, as Slack wants them escaped, each with its end. */
  used: number;
  /** In which message an item's marker stands: in a later one, what goes on stands outside of the list. */
  markedIn: Map<Container, number>;
  /** The last block of this message. */
  last: ReplyBlock | undefined;
};

/**
 * Fills messages of at most `length`. What fits into no message begins in the one at hand, unless hardly any
 * room is left; so does text when that message has hardly begun. Any other block stays whole. What comes
 * after the first `most` messages isn't asked for. The allowance is for text that has to be cut.
 */
export function fillMessages(
  blocks: Iterable<ReplyBlock>,
  limits: { length: number; most: number; allowance: Allowance },
): string[] {
  const { length } = limits;
  const filling: Filling = {
    ...limits,
    ...{ full: [], lines: [], used: 0, markedIn: new Map<Container, number>(), last: undefined },
  };
  for (const block of blocks) {
    if (isEnough(filling)) break;
    if (addWhole(block, filling)) continue;
    const fitsAlone = costOf(written(block, wholeOf(block), filling)) <= length;
    // A heading stays with its text, which may be cut.
    const isBegun = block.kind !== 'text' || filling.used > length / 3;
    if ((fitsAlone && isBegun) || roomIn(filling) < length / 3) endMessage(filling);
    if (!addWhole(block, filling)) addInPieces(block, filling);
  }
  endMessage(filling);
  return filling.full.slice(0, limits.most);
}

const isEnough = ({ full, most }: Filling): boolean => full.length >= most;

const wholeOf = ({ kind, open, lines, close }: ReplyBlock): string[] =>
  kind === 'code' ? [open, ...lines, close] : lines;

function addWhole(block: ReplyBlock, filling: Filling): boolean {
  const lines = [...gapBefore(block, filling), ...written(block, wholeOf(block), filling)];
  if (costOf(lines) > roomIn(filling)) return false;
  put(block, lines, filling);
  return true;
}

function addInPieces(block: ReplyBlock, filling: Filling): void {
  const { kind, open, close, lines } = block;
  // What is repeated leaves room for something new.
  const isShort = (repeated: string[]) => costOf(written(block, repeated, filling)) < filling.length / 2;
  if (kind === 'code' && isShort([open, close])) {
    addRows(block, lines, { above: [open], below: [close] }, filling);
  } else if (kind === 'code' && isShort([close, close])) {
    addRows(block, lines, { above: [close], below: [close] }, filling);
  } else if (kind === 'table' && rowsFit(block, isShort, filling)) {
    addRows(block, lines.slice(2), { above: lines.slice(0, 2), below: [] }, filling);
  } else {
    addText(block, lines.join('\n'), filling);
  }
}

/** Whether a table's head may be repeated in each message, and each of its rows has room below it. */
function rowsFit(block: ReplyBlock, isShort: (repeated: string[]) => boolean, filling: Filling): boolean {
  const longest = Math.max(...block.lines.map((line) => costOf(written(block, [line], filling))));
  return isShort(block.lines.slice(0, 2)) && longest < filling.length / 2;
}

/** Lines, in each message between the same ones. A line that fits into no message is cut in the middle. */
function addRows(
  block: ReplyBlock,
  rows: readonly string[],
  { above, below }: { above: string[]; below: string[] },
  filling: Filling,
): void {
  let row = 0;
  let rest = rows[0] ?? '';
  while (row < rows.length && !isEnough(filling)) {
    const gap = gapBefore(block, filling);
    const indent = costOf(prefixesOf(block, filling).slice(1));
    let room = roomIn(filling) - costOf([...gap, ...written(block, [...above, ...below], filling)]);
    const piece: string[] = [];
    for (; row < rows.length && indent + escapedLength(rest) <= room; rest = rows[row] ?? '') {
      piece.push(rest);
      room -= indent + escapedLength(rest);
      row += 1;
    }
    if (piece.length === 0 && filling.used === 0) {
      const at = Math.max(1, fitting(rest, Math.max(1, room - indent)));
      piece.push(rest.slice(0, at));
      rest = rest.slice(at);
    }
    if (piece.length > 0)
      put(block, [...gap, ...written(block, [...above, ...piece, ...below], filling)], filling);
    if (row < rows.length) endMessage(filling);
  }
}

function addText(block: ReplyBlock, text: string, filling: Filling): void {
  for (let rest = text; rest !== '' && !isEnough(filling);) {
    const gap = gapBefore(block, filling);
    const reach = reachIn(rest, block, roomIn(filling) - costOf(gap), filling);
    if (reach < rest.length && reach < filling.length / 6 && filling.used > 0) {
      endMessage(filling);
      continue;
    }
    // What is no markdown to us is not read as markdown to be cut either.
    const allowance = block.kind === 'plain' ? undefined : filling.allowance;
    const at = reach >= rest.length ? rest.length : cutText(rest, Math.max(1, reach), allowance);
    const lines = rest.slice(0, at).replace(/\n$/, '').split('\n');
    put(block, [...gap, ...written(block, lines, filling)], filling);
    rest = block.kind === 'text' && at > 1 ? asText(rest.slice(at)) : rest.slice(at);
    if (rest !== '') endMessage(filling);
  }
}

/** Text that was inside a line, so that it reads the same at the beginning of a message. */
function asText(rest: string): string {
  // Spaces would make code of it.
  const text = rest.replace(/^[ \t]+/, '');
  return beginsWithMark(text) ? `${ZERO_WIDTH_SPACE}${text}` : text;
}

/** How much of a text fits into the room, with what stands before each of its lines. */
function reachIn(text: string, block: ReplyBlock, room: number, filling: Filling): number {
  const [first, others] = prefixesOf(block, filling);
  let left = room;
  let reach = 0;
  for (const [at, line] of text.slice(0, Math.max(0, room)).split('\n').entries()) {
    left -= escapedLength(at === 0 ? first : others) + 1;
    const fits = fitting(line, Math.max(0, left));
    reach += fits;
    left -= escapedLength(line);
    if (left < 0 || fits < line.length) break;
    reach += 1;
  }
  return wholeCharacters(text, Math.min(reach, text.length));
}

/** A line without words, where one has to stand between a block and the one before it. */
function gapBefore(block: ReplyBlock, filling: Filling): string[] {
  const { last, markedIn, full } = filling;
  if (!last) return [];
  const shared = block.containers.filter((container, at) => container === last.containers[at]);
  const left = last.containers.slice(shared.length);
  // Without its marker, nothing else would show where an item ends.
  const isUnmarked = (container: Container) =>
    container.kind === 'item' && markedIn.get(container) !== full.length;
  if (!block.isApart && !left.some(isUnmarked)) return [];
  const [, others] = prefixesOf({ containers: shared }, filling);
  return [others.trimEnd()];
}

/** What stands before the first line that is written of a block in this message, and before the others. */
function prefixesOf(
  { containers }: Pick<ReplyBlock, 'containers'>,
  { length, full, markedIn }: Filling,
): [string, string] {
  let first = '';
  let others = '';
  for (const container of containers) {
    const marked = container.kind === 'item' ? markedIn.get(container) : undefined;
    if (container.kind === 'quote') {
      first += '> ';
      others += '> ';
    } else if (marked === undefined || marked === full.length) {
      const indent = ' '.repeat(indentOf(container.marker));
      first += marked === undefined ? container.marker : indent;
      others += indent;
    }
  }
  return escapedLength(first) < length / 4 ? [first, others] : ['', ''];
}

function written(block: ReplyBlock, lines: readonly string[], filling: Filling): string[] {
  const [first, others] = prefixesOf(block, filling);
  return lines.map((line, at) => {
    const prefix = at === 0 ? first : others;
    return line === '' ? prefix.trimEnd() : prefix + line;
  });
}

function put(block: ReplyBlock, lines: readonly string[], filling: Filling): void {
  filling.lines.push(...lines);
  filling.used += costOf(lines);
  filling.last = block;
  for (const container of block.containers) {
    if (!filling.markedIn.has(container)) filling.markedIn.set(container, filling.full.length);
  }
}

function endMessage(filling: Filling): void {
  const message = filling.lines.join('\n');
  // Slack takes none that is blank.
  if (message.trim() !== '') filling.full.push(message);
  filling.lines = [];
  filling.used = 0;
  filling.last = undefined;
}

/** The end of the last line takes no room. */
function roomIn({ length, used }: Filling): number {
  return length + 1 - used;
}

function costOf(lines: readonly string[]): number {
  return lines.reduce((cost, line) => cost + escapedLength(line) + 1, 0);
}
