/** How a part of a reply, in markdown, is written for Slack. Pure. */
import type { ActionsBlock, ContextActionsBlock, MarkdownBlock } from '@slack/types';
import { childrenOf, extentOf, linePrefix, markdownTree } from '../../../lib/markdown-tree.ts';
import type { MarkdownNode, MarkdownRoot } from '../../../lib/markdown-tree.ts';
import { MAX_LENGTH, toMrkdwn } from './mrkdwn.ts';
import {
  escapedLength,
  escapeEntities,
  fitting,
  holdsMention,
  withPlainLineEnds,
  withoutPings,
} from './plain-text.ts';

/**
 * `blocks` is what Slack shows; `text` stands for it in notifications, to screen readers and where blocks
 * aren't known. Without blocks, `text` is what is shown.
 */
export type SlackContent = {
  text: string;
  blocks?: [MarkdownBlock, ...Array<ContextActionsBlock | ActionsBlock>];
};

/** The pieces of a part that Slack finds too long even so. */
const PIECE_LENGTH = 1_000;

/** What Slack takes of a table (docs.slack.dev/reference/block-kit/blocks/table-block), one a message. */
const MAX_TABLE_ROWS = 100;
const MAX_TABLE_COLUMNS = 20;

/**
 * The forms in which a part may go, richest first: as a markdown block, as mrkdwn, as it is. Whoever wrote
 * the text, model or memory, it mentions nobody.
 */
export function contentsOf(written: string): SlackContent[] {
  const markdown = withPlainLineEnds(written);
  const bare = plainContent(markdown);
  const tree = markdownTree(markdown);
  // Slack's own parser is not to be asked either.
  if (!tree) return [bare];
  try {
    return [...formattedContents(tree, markdown), bare];
  } catch {
    // Plain text is a reply; an error would come again at each attempt.
    return [bare];
  }
}

function formattedContents(tree: MarkdownRoot, markdown: string): SlackContent[] {
  const mrkdwn = toMrkdwn(tree, markdown).trim();
  // Nothing but the definition of a link, say: Slack would show an empty message.
  if (mrkdwn === '') return [];
  const block = harmlessMarkdown(tree, markdown);
  return [
    ...(block === undefined ? [] : [richContent(mrkdwn, block)]),
    ...(mrkdwn.length <= MAX_LENGTH ? [{ text: mrkdwn }] : []),
  ];
}

/** The richest form. */
export function slackContent(markdown: string): SlackContent {
  return contentsOf(markdown)[0] ?? plainContent(markdown);
}

/** Text as it is: nothing in it is a mark to Slack, but for what looks like its own notation. */
export function plainContent(text: string): SlackContent {
  return { text: escapeEntities(text).trim() || ' ' };
}

/** The same in pieces that are much shorter. */
export function plainPieces(text: string): SlackContent[] {
  const pieces: SlackContent[] = [];
  let rest = text;
  while (escapedLength(rest) > PIECE_LENGTH) {
    const room = Math.max(1, fitting(rest, PIECE_LENGTH));
    const line = rest.lastIndexOf('\n', room - 1) + 1;
    const space = rest.lastIndexOf(' ', room - 1) + 1;
    const cut = [line, space].find((at) => at > room / 2) ?? room;
    pieces.push(plainContent(rest.slice(0, cut)));
    rest = rest.slice(cut);
  }
  return rest.trim() === '' ? pieces : [...pieces, plainContent(rest)];
}

function richContent(mrkdwn: string, block: string): SlackContent {
  const text = mrkdwn.slice(0, MAX_LENGTH).toWellFormed();
  return { text, blocks: [{ type: 'markdown', text: block }] };
}

/**
 * Markdown for a block: mentions are broken outside of code, and tables beyond what Slack takes are code.
 * Undefined when code holds a mention: nobody documents that Slack leaves it alone there, while escaped, as
 * mrkdwn has it, it is safe and reads as written.
 */
function harmlessMarkdown(tree: MarkdownRoot, source: string): string | undefined {
  let text = '';
  let at = 0;
  for (const node of verbatimNodes(tree)) {
    const { start, end } = extentOf(node);
    const verbatim = source.slice(start, end);
    if (holdsMention(verbatim)) return undefined;
    text += withoutPings(source.slice(at, start));
    text += node.type === 'table' ? tableAsCode(verbatim, linePrefix(source, start)) : verbatim;
    at = end;
  }
  return text + withoutPings(source.slice(at));
}

/**
 * Code, and tables that are to be code, in the order in which they stand. Slack takes one table a message,
 * and nobody documents what it makes of one within a quote or a list.
 */
function verbatimNodes(tree: MarkdownRoot): MarkdownNode[] {
  const shown = tree.children.find((node) => node.type === 'table' && isTakenAsTable(node));
  const found: MarkdownNode[] = [];
  const visit = (node: MarkdownNode): void => {
    const isCode = node.type === 'code' || node.type === 'inlineCode';
    if (isCode || (node.type === 'table' && node !== shown)) found.push(node);
    else for (const child of childrenOf(node)) visit(child);
  };
  visit(tree);
  return found;
}

/** `prefix` stands before each line but the first: the marks of quotes and the spaces of lists around it. */
function tableAsCode(table: string, prefix: string): string {
  return `\`\`\`\n${prefix}${table}\n${prefix}\`\`\``;
}

function isTakenAsTable(node: Extract<MarkdownNode, { type: 'table' }>): boolean {
  const columns = Math.max(...node.children.map((row) => row.children.length));
  return node.children.length <= MAX_TABLE_ROWS && columns <= MAX_TABLE_COLUMNS;
}
