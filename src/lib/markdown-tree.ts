/**
 * Markdown as a tree: CommonMark, and GitHub's tables, strikethrough, task lists, footnotes and bare links.
 * One tilde strikes nothing out: people write ~5 to ~10.
 */
import { fromMarkdown } from 'mdast-util-from-markdown';
import { gfmFromMarkdown } from 'mdast-util-gfm';
import { gfm } from 'micromark-extension-gfm';
import { createWorkMeter, isBlank, type Allowance } from './markdown-work.ts';

type Extensions = NonNullable<NonNullable<Parameters<typeof fromMarkdown>[1]>['extensions']>;
export type MarkdownRoot = ReturnType<typeof fromMarkdown>;
export type MarkdownNode = MarkdownRoot | MarkdownRoot['children'][number];

/** What stands inside a line, for a tree that shall only say where blocks begin and end. */
const INLINE = [
  'attention',
  'autolink',
  'characterEscape',
  'characterReference',
  'codeText',
  'emailAutolink',
  'gfmFootnoteCall',
  'gfmPotentialFootnoteCall',
  'hardBreakEscape',
  'htmlText',
  'labelEnd',
  'labelStartImage',
  'labelStartLink',
  'protocolAutolink',
  'strikethrough',
  'wwwAutolink',
  // Not inline, but its time grows with the square of the headings; the paragraph that is found instead has
  // the same beginning.
  'setextUnderline',
];

/**
 * Quotes, lists and footnotes within each other on one line. Each costs the parser stack and, for every line
 * below, time; people and models stay below six.
 */
const MAX_NESTING = 10;
/** Brackets that are open at once. Nested images take the square of their number. */
const MAX_OPEN_BRACKETS = 32;

/**
 * Quotes and list items, all in all. The parser's time grows with the square of them; a message that Slack
 * takes has room for fewer, and what is longer is read in stretches.
 */
const MAX_CONTAINERS = 2_000;

/** The deepest of them, times the lines: each line is looked at for the marks of all that are open. */
const MAX_LINES_TIMES_DEPTH = 10_000;

/**
 * What one message may take of the parser, in about microseconds: several times what dense markdown of its
 * length takes.
 */
const MAX_MESSAGE_WORK = 80_000;

/** Underlined headings, where they are looked for. They take the square of their number as well. */
const MAX_UNDERLINES = 100;

/**
 * Nodes within each other, whatever they are: who walks a tree does so with a call each, and thousands of
 * them are more than the stack holds.
 */
const MAX_DEPTH = 100;

const UNDERLINE = /^[ \t>]*(?:=+|-+)[ \t]*$/;
/** What may begin another container on the same line: quotes, items of lists, and footnotes. */
const CONTAINER =
  /[ \t]*(?:>|[-+*](?=[ \t]|$)|\d{1,9}[.)](?=[ \t]|$)|\[\^(?:[^[\]\\\s]|\\[[\]\\]|\\(?![[\]\\])){1,999}\]:)/y;

/**
 * The whole tree. Undefined for text that is made to be poison, and for what would take more than is allowed:
 * it is to be taken as it is. Give it no more than one message's worth.
 */
export function markdownTree(text: string, allowance?: Allowance): MarkdownRoot | undefined {
  const own = { left: Math.min(MAX_MESSAGE_WORK, allowance?.left ?? Infinity) };
  const before = own.left;
  const tree = harmlessTree(text, [gfm({ singleTilde: false })], true, own);
  if (allowance) allowance.left -= before - own.left;
  return tree;
}

/** The tree of blocks alone, their text unread. Undefined as for `markdownTree`. */
export function blockTree(
  text: string,
  allowance: Allowance = { left: MAX_MESSAGE_WORK },
): MarkdownRoot | undefined {
  return harmlessTree(text, [gfm({ singleTilde: false }), { disable: { null: INLINE } }], false, allowance);
}

/** Without what goes through a finished tree's text: it looks for links, and takes the square of some. */
const BLOCKS = gfmFromMarkdown().map((extension) => ({ ...extension, transforms: [] }));

/** What is counted beforehand spares time; whatever else there may be ends here. */
function harmlessTree(
  text: string,
  extensions: Extensions,
  isWhole: boolean,
  allowance: Allowance,
): MarkdownRoot | undefined {
  const work = workOf(text, isWhole, allowance.left);
  if (work === undefined) return undefined;
  allowance.left -= work;
  try {
    const mdastExtensions = isWhole ? [gfmFromMarkdown()] : BLOCKS;
    const tree = fromMarkdown(text, { extensions, mdastExtensions });
    return isDeeper(tree, MAX_DEPTH) ? undefined : tree;
  } catch {
    // Its stack has ended, or an assertion of its own has failed: no text is worth a reply.
    return undefined;
  }
}

/** Level by level, since a tree may be deeper than the stack. */
function isDeeper(tree: MarkdownRoot, depth: number): boolean {
  let level: readonly MarkdownNode[] = [tree];
  for (let left = depth; left > 0; left -= 1) {
    level = level.flatMap(childrenOf);
    if (level.length === 0) return false;
  }
  return true;
}

/**
 * What reading a text takes; undefined when that is more than `most`, or when the text is made so that the
 * parser's time or stack would grow faster than it.
 */
function workOf(text: string, isWhole: boolean, most: number): number | undefined {
  const meter = createWorkMeter(isWhole);
  let work = 0;
  let open = 0;
  let underlines = 0;
  let containers = 0;
  let deepest = 0;
  const lines = text.split('\n');
  for (const line of lines) {
    if (isWhole && UNDERLINE.test(line)) underlines += 1;
    if (underlines > MAX_UNDERLINES) return undefined;
    const markers = markersOf(line);
    containers += markers;
    deepest = Math.max(deepest, markers);
    if (markers > MAX_NESTING || containers > MAX_CONTAINERS) return undefined;
    for (let at = 0; at < line.length; at += 1) {
      const character = line[at];
      if (character === '[') open += 1;
      else if (character === ']' && open > 0) open -= 1;
      if (open > MAX_OPEN_BRACKETS) return undefined;
    }
    // Brackets don't reach beyond a paragraph.
    if (isBlank(line)) open = 0;
    work = meter.add(line, markers);
    if (work > most) return undefined;
  }
  return deepest * lines.length > MAX_LINES_TIMES_DEPTH ? undefined : work;
}

/** How many quotes, items and footnotes begin on a line; no more are counted than are too many. */
function markersOf(line: string): number {
  CONTAINER.lastIndex = 0;
  let markers = 0;
  while (markers <= MAX_NESTING && CONTAINER.test(line)) markers += 1;
  return markers;
}

/** Where a node begins and ends in the text that it was read from. */
export function extentOf(node: MarkdownNode): { start: number; end: number } {
  const { position } = node;
  return { start: position?.start.offset ?? 0, end: position?.end.offset ?? 0 };
}

export function childrenOf(node: MarkdownNode): readonly MarkdownNode[] {
  return 'children' in node ? node.children : [];
}

/** The mark that opens a block of fenced code; undefined for indented code. */
export function fenceOf(source: string): string | undefined {
  return /^(?:`{3,}|~{3,})/.exec(source)?.[0];
}

/**
 * What stands before the lines of a block that begins at `start`: the marks of the quotes that it is in, and
 * spaces in place of the marks of lists.
 */
export function linePrefix(text: string, start: number): string {
  return text.slice(lineStart(text, start), start).replace(/[^>\s]/g, ' ');
}

/** Where the line that holds `at` begins. */
export function lineStart(text: string, at: number): number {
  return at === 0 ? 0 : text.lastIndexOf('\n', at - 1) + 1;
}
