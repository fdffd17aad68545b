/**
 * What a person typed, out of Slack's notation. Pure, and linear in the text's length whatever it holds:
 * texts are split and scanned, never matched by patterns that try again. Source:
 * docs.slack.dev/messaging/formatting-message-text.
 */
import { plainName } from './plain-name.ts';

/** The text of a message that says nothing but the agent's name. */
const BARE_MENTION = '(mentions you without saying anything)';

/**
 * What is read of a raw text, in UTF-16 units. The longest entity has five for one character, so the longest
 * message that intake takes is read whole.
 */
export const MAX_RAW_LENGTH = 5 * 32_000;

/** More than anybody mentions and links: reading one takes longer than reading a letter. */
const MAX_TOKENS = 8_000;

/** A link whose label says the same as its address is short. */
const MAX_COMPARED = 500;

/** `<target|label>` in a raw text. */
type Token = { target: string; label: string };
type Piece = string | Token;

/** A raw text as plain text and tokens, in order. Slack escapes every other angle bracket. */
export function piecesOf(raw: string): Piece[] {
  const [before = '', ...parts] = raw.slice(0, MAX_RAW_LENGTH).split('<', MAX_TOKENS);
  const pieces: Piece[] = [before];
  for (const part of parts) {
    const end = part.indexOf('>');
    const bar = part.indexOf('|');
    const targetEnd = bar >= 0 && bar < end ? bar : end;
    if (targetEnd < 1) {
      pieces.push(`<${part}`);
      continue;
    }
    pieces.push({ target: part.slice(0, targetEnd), label: part.slice(targetEnd + 1, end) });
    pieces.push(part.slice(end + 1));
  }
  return pieces;
}

const isToken = (piece: Piece): piece is Token => typeof piece !== 'string';

/** The people mentioned in a raw text whose names it doesn't carry itself, each once. */
export function mentionedUsers(raw: string): string[] {
  const ids = piecesOf(raw)
    .filter(isToken)
    .flatMap(({ target, label }) => (target.startsWith('@') && !label ? [target.slice(1)] : []));
  return [...new Set(ids)];
}

/** Whether a raw text mentions a user; what stands in code mentions nobody. */
export function mentions(raw: string, userId: string): boolean {
  return piecesOf(withoutCode(raw)).some((piece) => isToken(piece) && piece.target === `@${userId}`);
}

/** Without code blocks and code spans. A mark that nothing closes is a mark, not code. */
export function withoutCode(raw: string): string {
  const outside = (parts: string[]) => parts.filter((_, i) => i % 2 === 0 || i === parts.length - 1);
  return outside(raw.slice(0, MAX_RAW_LENGTH).split('```'))
    .flatMap((text) => text.split('\n'))
    .flatMap((line) => outside(line.split('`')))
    .join(' ');
}

/** A plain text in Slack's notation, so that it can stand in a raw text. */
export function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function unescapeText(raw: string): string {
  return raw.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
}

/**
 * The text as the person meant it: without the mention of the agent itself, other mentions as names
 * (`@someone` for a name that isn't known), links as their address, entities decoded.
 */
export function readableText(
  raw: string,
  { botUserId, names }: { botUserId: string; names: ReadonlyMap<string, string> },
): string {
  const written: string[] = [];
  let isMentioned = false;
  let saysSomething = false;
  // What joins the agent's opening mention to the sentence goes with it: "<@U1>: hi".
  let joins = '';
  for (const piece of piecesOf(raw)) {
    if (isToken(piece) && piece.target === `@${botUserId}`) {
      isMentioned = true;
      if (saysSomething) dropBlankEnd(written);
      else {
        written.length = 0;
        joins = ',:;';
      }
      continue;
    }
    const text = isToken(piece) ? readableToken(piece, names) : trimStartOf(piece, joins);
    if (text === '') continue;
    joins = '';
    written.push(text);
    saysSomething ||= text.trim() !== '';
  }
  const text = unescapeText(written.join('')).replaceAll('\u0000', '').toWellFormed().trim();
  return text === '' && isMentioned ? BARE_MENTION : text;
}

/** Drops the spaces at the end of what is written; line breaks stay. */
function dropBlankEnd(written: string[]): void {
  for (let last = written.pop(); last !== undefined; last = written.pop()) {
    let end = last.length;
    while (end > 0 && ' \t'.includes(last.charAt(end - 1))) end -= 1;
    if (end > 0) {
      written.push(last.slice(0, end));
      return;
    }
  }
}

/** Without spaces and these marks at its start; unchanged where there are no marks. */
function trimStartOf(text: string, marks: string): string {
  if (marks === '') return text;
  let start = 0;
  while (start < text.length && (marks.includes(text.charAt(start)) || text.charAt(start).trim() === '')) {
    start += 1;
  }
  return text.slice(start);
}

function readableToken({ target, label }: Token, names: ReadonlyMap<string, string>): string {
  const rest = target.slice(1);
  const name = plainName(label);
  switch (target[0]) {
    case '@':
      return `@${name || plainName(names.get(rest) ?? '') || 'someone'}`;
    case '#':
      return `#${name || 'channel'}`;
    case '!': {
      // <!here>, <!subteam^S1|@ops>, <!date^1392734382^{date}|Feb 18, 2014>
      const [command = ''] = rest.split('^', 1);
      if (command === 'date') return name;
      const group = name || (command === 'subteam' ? 'group' : plainName(command));
      return group.startsWith('@') ? group : `@${group}`;
    }
    default: {
      const address = target.replace(/^(?:mailto|tel):/, '');
      // Longer ones are compared in vain: that could take their product in time.
      const isShort = target.length <= MAX_COMPARED && label.length <= MAX_COMPARED;
      if (!label || (isShort && target.includes(label))) return address;
      return `${label} (${address})`;
    }
  }
}
