/** A block of markdown, verbatim with its line ends: joined again, the blocks are the text. */
export type MarkdownBlock = { kind: 'text' | 'code' | 'table'; lines: string[] };

const FENCE = /^\s*(`{3,}|~{3,})/;
const TABLE_DELIMITER = /^\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$/;

/**
 * Cuts markdown into fenced code, tables and what is between them; text ends at a blank line. Only what must
 * not be torn apart is recognised: this is no markdown parser. A fence that is never closed runs to the end.
 */
export function markdownBlocks(text: string): MarkdownBlock[] {
  const lines = text.split('\n');
  const blocks: MarkdownBlock[] = [];
  let at = 0;
  while (at < lines.length) {
    const start = at;
    const kind = kindAt(lines, at);
    switch (kind) {
      case 'code':
        at = endOfFence(lines, at);
        break;
      case 'table':
        at += 2;
        while (at < lines.length && lines[at]?.includes('|')) at += 1;
        break;
      case 'text':
        at += 1;
        while (at < lines.length && kindAt(lines, at) === 'text' && !isBlank(lines[at - 1])) at += 1;
        break;
    }
    blocks.push({ kind, lines: lines.slice(start, at) });
  }
  return blocks;
}

/** The line that opens a fence, and one that closes it; undefined for a line that opens none. */
export function fenceOf(line: string): { open: string; close: string } | undefined {
  const mark = FENCE.exec(line)?.[1];
  if (mark === undefined) return undefined;
  const indent = line.slice(0, line.indexOf(mark));
  return { open: line, close: indent + mark };
}

function kindAt(lines: readonly string[], at: number): MarkdownBlock['kind'] {
  const line = lines[at] ?? '';
  if (FENCE.test(line)) return 'code';
  const next = lines[at + 1];
  if (line.includes('|') && next?.includes('|') && TABLE_DELIMITER.test(next)) return 'table';
  return 'text';
}

function endOfFence(lines: readonly string[], start: number): number {
  const mark = FENCE.exec(lines[start] ?? '')?.[1] ?? '```';
  for (let at = start + 1; at < lines.length; at += 1) {
    const closing = /^\s*(`{3,}|~{3,})\s*$/.exec(lines[at] ?? '')?.[1];
    if (closing?.startsWith(mark)) return at + 1;
  }
  return lines.length;
}

function isBlank(line: string | undefined): boolean {
  return line === undefined || line.trim() === '';
}
