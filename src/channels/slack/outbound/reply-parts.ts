import { fenceOf, markdownBlocks, type MarkdownBlock } from './markdown-blocks.ts';

/**
 * How long one Slack message may be, in UTF-16 units. Slack refuses an update whose `text` is over 4,000
 * characters, and escaping and converting make the text a little longer than the markdown it comes from.
 */
const PART_LENGTH = 3_500;

/**
 * Cuts a reply into messages of at most `length`. Code and tables stay whole when they fit into one message;
 * when they don't, each piece is a code block of its own, or a table with the header repeated. Pure, so the
 * same reply is always cut the same way, whoever posts it.
 */
export function splitReply(reply: string, length: number = PART_LENGTH): string[] {
  if (reply.length <= length) return [reply];
  const parts: string[] = [];
  let part: string[] = [];
  const size = () => part.reduce((sum, line) => sum + line.length + 1, 0);
  const flush = () => {
    const text = trimBlankLines(part).join('\n');
    if (text !== '') parts.push(text);
    part = [];
  };
  for (const block of markdownBlocks(reply)) {
    if (size() + lengthOf(block.lines) <= length) {
      part.push(...block.lines);
      continue;
    }
    // What fits into no message begins in this one, unless hardly any room is left; the rest begins a new
    // one.
    const room = length - size();
    const pieces =
      lengthOf(block.lines) > length
        ? splitBlock(block, room > length / 3 ? room : length, length)
        : [block.lines];
    for (const [index, piece] of pieces.entries()) {
      if (index > 0 || size() + lengthOf(piece) > length) flush();
      part.push(...piece);
    }
  }
  flush();
  return parts.length > 0 ? parts : [reply.slice(0, length)];
}

/** Closes a fence that is still open: what a half-written reply needs to be shown. */
export function closeOpenFence(text: string): string {
  const last = markdownBlocks(text).at(-1);
  if (last?.kind !== 'code') return text;
  const fence = fenceOf(last.lines[0] ?? '');
  const closed = last.lines.length > 1 && last.lines.at(-1)?.trim() === fence?.close.trim();
  return fence && !closed ? `${text}\n${fence.close}` : text;
}

/** Pieces of a block that is too long: the first fits `firstRoom`, the others `length`. */
function splitBlock(block: MarkdownBlock, firstRoom: number, length: number): string[][] {
  switch (block.kind) {
    case 'text':
      return pack(block.lines, firstRoom, length, [], []);
    case 'code': {
      const [open = '```', ...body] = block.lines;
      const { close } = fenceOf(open) ?? { close: '```' };
      if (body.at(-1)?.trim() === close.trim()) body.pop();
      return pack(body, firstRoom, length, [open], [close]);
    }
    case 'table': {
      const [header = '', delimiter = '', ...rows] = block.lines;
      // A header that leaves no room for rows isn't worth repeating.
      if (header.length + delimiter.length > length / 2) return pack(block.lines, firstRoom, length, [], []);
      return pack(rows, firstRoom, length, [header, delimiter], []);
    }
  }
}

/** Lines in pieces, each between `before` and `after`. A line that is too long by itself is cut. */
function pack(
  lines: readonly string[],
  firstRoom: number,
  length: number,
  before: readonly string[],
  after: readonly string[],
): string[][] {
  const frame = lengthOf(before) + lengthOf(after);
  const pieces: string[][] = [];
  let body: string[] = [];
  let room = Math.max(1, firstRoom - frame);
  for (const line of lines.flatMap((long) => cutLine(long, Math.max(1, length - frame - 1)))) {
    if (lengthOf(body) + line.length + 1 > room && body.length > 0) {
      pieces.push([...before, ...body, ...after]);
      body = [];
      room = Math.max(1, length - frame);
    }
    body.push(line);
  }
  if (body.length > 0) pieces.push([...before, ...body, ...after]);
  return pieces;
}

/**
 * A line in pieces of at most `length`, cut after a space when there is one, and never inside a character.
 */
function cutLine(line: string, length: number): string[] {
  const pieces: string[] = [];
  let rest = line;
  while (rest.length > length) {
    const space = rest.lastIndexOf(' ', length - 1);
    let cut = space > length / 2 ? space + 1 : length;
    if (/[\ud800-\udbff]/.test(rest.charAt(cut - 1)) && cut > 1) cut -= 1;
    pieces.push(rest.slice(0, cut));
    rest = rest.slice(cut);
  }
  return [...pieces, rest];
}

function lengthOf(lines: readonly string[]): number {
  return lines.reduce((sum, line) => sum + line.length + 1, 0);
}

function trimBlankLines(lines: readonly string[]): readonly string[] {
  const isText = (line: string) => line.trim() !== '';
  const first = lines.findIndex(isText);
  return first < 0 ? [] : lines.slice(first, lines.findLastIndex(isText) + 1);
}
