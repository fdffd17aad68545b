/** Markdown in Slack's own notation, mrkdwn: what is shown where a message has no blocks. */
import { childrenOf, extentOf, type MarkdownNode, type MarkdownRoot } from '../../../lib/markdown-tree.ts';
import { escapeEntities, withoutPings, ZERO_WIDTH_SPACE } from './plain-text.ts';

type Context = {
  source: string;
  definitions: ReadonlyMap<string, string>;
  /** Inside bold text another mark for it would end it. */
  isBold: boolean;
  depth: number;
};

/**
 * Slack refuses an update whose `text` is longer: that is shown in part, or not at all. A definition's
 * address stands wherever it is referred to, so what is shown may be a thousand times what was written: it
 * ends here.
 */
export const MAX_LENGTH = 4_000;

const ENDS_A_WORD = /[\p{L}\p{N}]$/u;
const BEGINS_A_WORD = /^[\p{L}\p{N}]/u;
const BULLETS = ['•', '◦', '▪'];
const LINKABLE = /^(?:https?|ftp|mailto|tel):/i;

/** A sign in plain text that would begin bold or slanted text, a line through it, or code. */
const OPENS_A_PAIR = /(?<![\p{L}\p{N}*_~`])([*_~`])(?=[^\s*_~`](?:[^\n]{0,300}\S)?\1)/gu;

/**
 * Code stands in it as written, but for the three characters that Slack wants escaped. What is longer than
 * `MAX_LENGTH` may end anywhere behind it.
 */
export function toMrkdwn(tree: MarkdownRoot, source: string): string {
  const definitions = new Map<string, string>();
  for (const node of tree.children) {
    if (node.type === 'definition') definitions.set(node.identifier, node.url);
  }
  return blocks(tree, { source, definitions, isBold: false, depth: 0 });
}

function blocks(parent: MarkdownNode, context: Context): string {
  let text = '';
  let lastLine: number | undefined;
  for (const node of childrenOf(parent)) {
    if (text.length > MAX_LENGTH) break;
    const shown = block(node, context);
    if (shown === '') continue;
    const { start, end } = node.position ?? {};
    if (lastLine !== undefined) text += (start?.line ?? 0) - lastLine > 1 ? '\n\n' : '\n';
    text += shown;
    lastLine = end?.line;
  }
  return text;
}

function block(node: MarkdownNode, context: Context): string {
  switch (node.type) {
    case 'paragraph':
      return inline(node, context);
    case 'heading': {
      const text = inline(node, { ...context, isBold: true });
      return text === '' ? '' : `*${text}*`;
    }
    case 'blockquote':
      return indent(blocks(node, context), '> ', '> ');
    case 'list':
      return list(node, context);
    case 'code':
      return preformatted(node.value);
    case 'table':
      return preformatted(tableSource(node, context));
    case 'footnoteDefinition':
      return `[${plain(node.label ?? node.identifier)}] ${blocks(node, context)}`;
    case 'definition':
      return '';
    case 'html':
      return plain(node.value);
    default:
      return plain(sourceOf(node, context));
  }
}

function list(node: Extract<MarkdownNode, { type: 'list' }>, context: Context): string {
  const bulletOf = (index: number) =>
    node.ordered ? `${(node.start ?? 1) + index}.` : (BULLETS[context.depth % BULLETS.length] ?? '•');
  let text = '';
  for (const [index, item] of node.children.entries()) {
    if (text.length > MAX_LENGTH) break;
    const task = item.checked === true ? '☑ ' : item.checked === false ? '☐ ' : '';
    const shown = blocks(item, { ...context, depth: context.depth + 1 });
    if (index > 0) text += node.spread ? '\n\n' : '\n';
    text += indent(shown, `${bulletOf(index)} ${task}`, '    ');
  }
  return text;
}

/** A table as it was written, without the marks of the quotes and lists that it stands in. */
function tableSource(table: Extract<MarkdownNode, { type: 'table' }>, context: Context): string {
  const [head = '', ...rows] = table.children.map((row) => sourceOf(row, context));
  const separator =
    sourceOf(table, context)
      .split('\n')[1]
      ?.replace(/^[\s>]+/, '') ?? '';
  return [head, separator, ...rows].join('\n');
}

/** The text of a node's children; a mark between letters needs a space of no width to be taken for one. */
function inline(parent: MarkdownNode, context: Context): string {
  let text = '';
  let last = '';
  let wasMarked = false;
  for (const node of childrenOf(parent)) {
    if (text.length > MAX_LENGTH) break;
    const shown = phrase(node, context);
    if (shown === '') continue;
    const isMarked = ['strong', 'emphasis', 'delete', 'inlineCode'].includes(node.type);
    // Not at the end of `text`: looking at what grows takes the square.
    const touches = ENDS_A_WORD.test(last) || wasMarked;
    if (isMarked ? touches : wasMarked && BEGINS_A_WORD.test(shown)) text += ZERO_WIDTH_SPACE;
    text += shown;
    last = shown.slice(-2);
    wasMarked = isMarked;
  }
  return text;
}

function phrase(node: MarkdownNode, context: Context): string {
  switch (node.type) {
    case 'text':
    case 'html':
      return plain(node.value).replace(OPENS_A_PAIR, `$&${ZERO_WIDTH_SPACE}`);
    case 'strong':
      return context.isBold
        ? inline(node, context)
        : wrapped(inline(node, { ...context, isBold: true }), '*');
    case 'emphasis':
      return wrapped(inline(node, context), '_');
    case 'delete':
      return wrapped(inline(node, context), '~');
    case 'inlineCode':
      // There is no way to write a backtick inside; without marks it arrives as it is.
      return node.value.includes('`') ? escapeEntities(node.value) : `\`${escapeEntities(node.value)}\``;
    case 'break':
      return '\n';
    case 'link':
      return link(node.url, inline(node, context));
    case 'image':
      return link(node.url, plain(node.alt ?? ''));
    case 'linkReference':
      return link(context.definitions.get(node.identifier), inline(node, context));
    case 'imageReference':
      return link(context.definitions.get(node.identifier), plain(node.alt ?? ''));
    case 'footnoteReference':
      return `[${plain(node.label ?? node.identifier)}]`;
    default:
      return plain(sourceOf(node, context));
  }
}

function link(url: string | undefined, text: string): string {
  if (url === undefined) return text;
  if (!LINKABLE.test(url)) return `${text} (${plain(url)})`.trim();
  // What would end the address or begin its text.
  const safe = url.replace(/[<>|\s]/g, encodeURIComponent).replaceAll('&', '&amp;');
  const label = text.replaceAll('\n', ' ');
  return label === '' || label === safe ? `<${safe}>` : `<${safe}|${label}>`;
}

function preformatted(code: string): string {
  // Three backticks inside would end it. As plain lines it arrives as it is.
  const escaped = escapeEntities(code);
  return code.includes('```') ? escaped : `\`\`\`\n${escaped}\n\`\`\``;
}

function wrapped(text: string, mark: string): string {
  return text === '' ? '' : mark + text + mark;
}

function indent(text: string, first: string, others: string): string {
  return text
    .split('\n')
    .map((line, index) => (index === 0 ? first : line === '' && others.trim() === '' ? '' : others) + line)
    .join('\n');
}

function plain(text: string): string {
  return withoutPings(escapeEntities(text));
}

function sourceOf(node: MarkdownNode, { source }: Context): string {
  const { start, end } = extentOf(node);
  return source.slice(start, end);
}
