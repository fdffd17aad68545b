/**
 * The text of Block Kit blocks, in Slack's notation, so that mentions and links in it are read like those of
 * any text. Pure. A kind of block that isn't known here still gives the texts it carries. Source:
 * docs.slack.dev/reference/block-kit/blocks and …/blocks/rich-text-block.
 */
import { escapeText } from './inbound-text.ts';
import { firstText, isLoose, joinLines, looseList, looseOf, textOf, type Loose } from './loose.ts';

/** Blocks that people and apps make nest three or four deep. */
const MAX_DEPTH = 8;

export function blocksRaw(blocks: unknown, depth = 0): string {
  if (depth > MAX_DEPTH) return '';
  return joinLines(looseList(blocks).map((block) => blockRaw(block, depth)));
}

function blockRaw(block: Loose, depth: number): string {
  switch (textOf(block['type'])) {
    case 'rich_text':
      return richText(block['elements'], depth);
    case 'divider':
      return '';
    case 'markdown':
      return escapeText(textOf(block['text']));
    case 'table':
    case 'data_table':
      return joinLines(rowsOf(block['rows']).map((cells) => cells.map(cellRaw).join(' | ')));
    case 'image':
      return imageRaw(block);
    case 'actions':
    case 'context_actions':
      return buttonsRaw(block['elements']);
    default:
      return otherRaw(block, depth);
  }
}

/** Section, header, context, input, video, card and whatever comes: every text that stands where texts do. */
function otherRaw(block: Loose, depth: number): string {
  const lines = ['title', 'label', 'subtitle', 'text', 'body', 'description', 'hint'].map((key) =>
    textObject(block[key], depth),
  );
  const fields = looseList(block['fields']).map((field) => textObject(field, depth));
  const elements = looseList(block['elements']).map((element) =>
    element['type'] === 'image' ? imageRaw(element) : elementRaw(element, depth),
  );
  const accessory = looseOf(block['accessory']);
  return joinLines([
    ...lines,
    ...fields,
    joinLines(elements, ' '),
    blocksRaw(block['blocks'], depth + 1),
    accessory['type'] === 'image' ? imageRaw(accessory) : buttonsRaw([accessory]),
  ]);
}

function elementRaw(element: Loose, depth: number): string {
  return 'text' in element && typeof element['text'] !== 'string'
    ? textObject(element['text'], depth)
    : textObject(element, depth);
}

/** A text object: mrkdwn is in Slack's notation already, anything else is taken as plain. */
function textObject(value: unknown, depth: number): string {
  if (typeof value === 'string') return looselyEscaped(value);
  if (!isLoose(value)) return '';
  if (value['type'] === 'rich_text') return richText(value['elements'], depth);
  const text = textOf(value['text']);
  return value['type'] === 'mrkdwn' ? text : looselyEscaped(text);
}

/** Slack has escaped plain texts in some events and not in others: what is escaped stays so. */
function looselyEscaped(text: string): string {
  return text
    .replaceAll(/&(?!amp;|lt;|gt;)/g, '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;');
}

function imageRaw(image: Loose): string {
  const title = firstText(looseOf(image['title'])['text'], image['alt_text']);
  return title && `(image: ${escapeText(title)})`;
}

/** What may be pressed or chosen: the options of a poll, say. */
function buttonsRaw(elements: unknown): string {
  const labels = looseList(elements).flatMap((element) => {
    const own = textObject(element['text'], MAX_DEPTH);
    const options = looseList(element['options']).map(({ text }) => textObject(text, MAX_DEPTH));
    return [own, ...options].filter((label) => label.trim() !== '');
  });
  return labels.map((label) => `[${label}]`).join(' ');
}

function rowsOf(rows: unknown): Loose[][] {
  return Array.isArray(rows) ? rows.slice(0, 500).map(looseList) : [];
}

function cellRaw(cell: Loose): string {
  return textObject(cell, 1).replaceAll('\n', ' ');
}

/** The elements of a rich text: sections, lists, quotes and code. */
function richText(elements: unknown, depth: number): string {
  if (depth > MAX_DEPTH) return '';
  return joinLines(
    looseList(elements).map((element) => {
      switch (textOf(element['type'])) {
        case 'rich_text_list':
          return listRaw(element, depth + 1);
        case 'rich_text_quote':
          return quoteRaw(inlineRaw(element['elements'], depth + 1));
        case 'rich_text_preformatted':
          return `\`\`\`\n${inlineRaw(element['elements'], depth + 1)}\n\`\`\``;
        default:
          return inlineRaw(element['elements'], depth + 1);
      }
    }),
  );
}

/** Every line of a raw text as a quotation. */
export function quoteRaw(raw: string): string {
  return raw
    .split('\n')
    .map((line) => `&gt; ${line}`)
    .join('\n');
}

function listRaw(list: Loose, depth: number): string {
  const indent = '  '.repeat(numberIn(list['indent'], MAX_DEPTH));
  const first = 1 + numberIn(list['offset'], 10_000);
  const items = looseList(list['elements']).map((item, i) => {
    const mark = list['style'] === 'ordered' ? `${first + i}.` : '•';
    return `${indent}${mark} ${inlineRaw(item['elements'], depth)}`;
  });
  return joinLines(items);
}

function numberIn(value: unknown, max: number): number {
  return typeof value === 'number' && value > 0 ? Math.min(Math.floor(value), max) : 0;
}

function inlineRaw(elements: unknown, depth: number): string {
  if (depth > MAX_DEPTH) return '';
  return looseList(elements)
    .map((element) => {
      const raw = partRaw(element, depth);
      // A mention stays one however it is styled; words that read like one, in code, never were.
      const isCode = element['type'] !== 'user' && looseOf(element['style'])['code'] === true;
      return isCode ? `\`${raw}\`` : raw;
    })
    .join('');
}

/** One part of a line. */
function partRaw(part: Loose, depth: number): string {
  switch (textOf(part['type'])) {
    case 'text':
      return escapeText(textOf(part['text']));
    case 'link':
      return tokenOf(textOf(part['url']), textOf(part['text']));
    case 'user':
      return tokenOf(`@${textOf(part['user_id'])}`);
    case 'usergroup':
      return tokenOf(`!subteam^${textOf(part['usergroup_id'])}`);
    case 'channel':
      return tokenOf(`#${textOf(part['channel_id'])}`);
    case 'broadcast':
      return tokenOf(`!${textOf(part['range'])}`);
    case 'emoji':
      return `:${escapeText(textOf(part['name']))}:`;
    case 'date':
      return escapeText(firstText(part['fallback']) || dateOf(part['timestamp']));
    case 'color':
      return escapeText(textOf(part['value']));
    default:
      // A section in a section, or a kind of part that is new.
      return Array.isArray(part['elements'])
        ? inlineRaw(part['elements'], depth + 1)
        : escapeText(firstText(part['text'], part['title'], part['fallback'], part['url']));
  }
}

function tokenOf(target: string, label = ''): string {
  // A bar ends the target. In an address it may be written so; a label may have as many as it likes.
  const safeTarget = escapeText(target.replaceAll('|', '%7C'));
  return label ? `<${safeTarget}|${escapeText(label)}>` : `<${safeTarget}>`;
}

/** Seconds since 1970 as a time that people read. */
export function dateOf(seconds: unknown): string {
  const at = new Date(Number(seconds) * 1000);
  return Number.isNaN(at.getTime()) ? '' : `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
