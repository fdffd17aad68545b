/** Where a text is cut that doesn't fit into one message, by the tree of its blocks. */
import { blockTree, childrenOf, extentOf, fenceOf, linePrefix, lineStart } from './markdown-tree.ts';
import type { MarkdownNode } from './markdown-tree.ts';
import { escapedLength, fitting } from './plain-text.ts';
import { cutText } from './text-cut.ts';

export type Cut = { part: string; rest: string };

/** A text to cut: `room` is how far a message reaches. */
type Given = { text: string; room: number; length: number };
/** The block that the end of the message lies in, and where the text before it could be cut. */
type Crossing = {
  node: MarkdownNode;
  start: number;
  before: number;
  fits: boolean;
  /** What stands before the lines of the blocks around it and of itself, outermost first. */
  prefixes: string[];
};

/**
 * The cut of `text`, of which `window` is the beginning that is looked at. What fits into no message begins
 * in this one, unless hardly any room is left.
 */
export function cutPlace(window: string, text: string, room: number, length: number): Cut | undefined {
  const given = { text, room, length };
  const crossing = findCrossing(window, given);
  if (!crossing) return undefined;
  const { start, before, fits } = crossing;
  const isEarly = room - start < length / 3;
  if (before > 0 && (fits || isEarly)) return cutBefore(text, before, crossing);
  return cutInside(crossing, given) ?? (before > 0 ? cutBefore(text, before, crossing) : undefined);
}

/** Goes down to the innermost block that must be cut. */
function findCrossing(window: string, { text, room, length }: Given): Crossing | undefined {
  let node: MarkdownNode = blockTree(window);
  let before = 0;
  const prefixes: string[] = [];
  for (;;) {
    const child: MarkdownNode | undefined = childrenOf(node).find((one) => extentOf(one).end > room);
    if (!child) return undefined;
    const { start, end } = extentOf(child);
    const line = lineStart(window, start);
    if (window.slice(0, line).trim() !== '') before = line;
    // Where the window ends nobody knows how far it goes on.
    const isKnown = end < window.length || window.length === text.length;
    const fits = isKnown && escapedLength(window.slice(start, end)) <= length;
    prefixes.push(linePrefix(window, start));
    const crossing = { node: child, start, before, fits, prefixes };
    const goesOn = child.type === 'list' || child.type === 'listItem' || child.type === 'blockquote';
    if (!goesOn || (fits && before > 0 && start >= room - length / 2)) return crossing;
    node = child;
  }
}

function cutBefore(text: string, at: number, { prefixes }: Crossing): Cut {
  return { part: text.slice(0, at), rest: continued(text.slice(at), prefixes) };
}

function cutInside(crossing: Crossing, given: Given): Cut | undefined {
  const { node, start, prefixes } = crossing;
  const { text, room } = given;
  switch (node.type) {
    case 'code':
      return fenceOf(text.slice(start, start + 99)) === undefined
        ? cutLines(crossing, given)
        : cutCode(crossing, given);
    case 'table':
      return cutTable(crossing, given) ?? cutLines(crossing, given);
    default: {
      const prefix = linePrefix(text, start);
      const at = cutText(text, start, room);
      const isLine = text[at - 1] === '\n';
      return { part: text.slice(0, at), rest: continued((isLine ? '' : prefix) + text.slice(at), prefixes) };
    }
  }
}

/** Code goes on in a block of its own, with what the first said of its language. */
function cutCode({ node, start, prefixes }: Crossing, { text, length }: Given): Cut | undefined {
  const { end } = extentOf(node);
  const prefix = linePrefix(text, start);
  const openEnd = text.indexOf('\n', start) + 1;
  const open = text.slice(start, openEnd);
  const fence = fenceOf(open);
  if (openEnd === 0 || fence === undefined || escapedLength(open) > length / 2) return undefined;
  const close = prefix + fence;
  const reach = fitting(text, length - close.length - 1);
  const line = text.lastIndexOf('\n', reach - 1) + 1;
  const isLine = line > openEnd;
  // A line that fits into no message is cut in the middle.
  const at = isLine ? line : Math.max(reach, openEnd + 1);
  if (at <= openEnd) return undefined;
  const body = text.slice(0, at).replace(/\n$/, '');
  const isAll = /^[\s>]*(?:`{3,}|~{3,})?\s*$/.test(text.slice(at, end));
  const again = `${prefix}${open}${isLine ? '' : prefix}`;
  return {
    part: `${body}\n${close}`,
    rest: isAll ? continued(text.slice(end), prefixes) : continued(again + text.slice(at), prefixes),
  };
}

/** A table goes on with its header; undefined when no row fits or the header is too long to be repeated. */
function cutTable({ start, prefixes }: Crossing, { text, room, length }: Given): Cut | undefined {
  const prefix = linePrefix(text, start);
  const headerEnd = text.indexOf('\n', text.indexOf('\n', start) + 1) + 1;
  const at = text.lastIndexOf('\n', room - 1) + 1;
  if (headerEnd === 0 || at <= headerEnd) return undefined;
  const header = text.slice(start, headerEnd);
  if (escapedLength(header) > length / 2) return undefined;
  return { part: text.slice(0, at), rest: continued(prefix + header + text.slice(at), prefixes) };
}

/** After a line; undefined when not even one fits. */
function cutLines({ start, prefixes }: Crossing, { text, room }: Given): Cut | undefined {
  const at = text.lastIndexOf('\n', room - 1) + 1;
  if (at <= start) return undefined;
  return { part: text.slice(0, at), rest: continued(text.slice(at), prefixes) };
}

/**
 * What was inside a list stands on its own in the next message, so the spaces of the list go; the marks of
 * quotes stay. `prefixes` are those of the blocks around, outermost first: each line loses the longest that
 * it begins with, and once it has left a block the lines below are outside as well.
 */
function continued(rest: string, prefixes: readonly string[]): string {
  const around = prefixes.filter((prefix) => prefix !== '');
  const lines = rest.split('\n');
  for (const [index, line] of lines.entries()) {
    const isEmpty = /^[\s>]*$/.test(line);
    // An empty line leaves no block; in a quote it has the quote's marks.
    while (!isEmpty && around.length > 0 && !line.startsWith(around.at(-1) ?? '')) around.pop();
    const prefix = around.at(-1);
    if (prefix === undefined) break;
    const begins = isEmpty ? prefix.trimEnd() : prefix;
    if (!line.startsWith(begins)) continue;
    const marks = '> '.repeat(prefix.split('>').length - 1);
    // A quote alone is left as it is written, with a space after its mark or without.
    if (prefix.trim() !== marks.trim() || prefix.length > marks.length) {
      const outside = line.startsWith(prefix) ? prefix : begins;
      lines[index] = isEmpty
        ? (marks + line.slice(outside.length)).trimEnd()
        : marks + line.slice(prefix.length);
    }
  }
  return lines.join('\n');
}
