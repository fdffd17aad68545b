/** How a reply becomes several messages. Pure, so the same reply is always cut the same way. */
import { SHORTENED } from '../../../domain/words.ts';
import { cutPlace } from './cut-place.ts';
import { isTooDeep } from './markdown-tree.ts';
import { escapedLength, fitting, wholeCharacters } from './plain-text.ts';
import { cutText } from './text-cut.ts';

/**
 * How long one Slack message may be, in UTF-16 units and as Slack wants it escaped. Slack refuses an update
 * whose `text` is over 4,000 characters, and mrkdwn is a little longer than the markdown it comes from.
 */
const PART_LENGTH = 3_500;

/** What is shown of one reply. A model that runs away fills no channel. */
const REPLY_LENGTH = 40_000;

/**
 * Cuts a reply into messages of at most `length`, between the blocks of its markdown where that is possible.
 * Code and tables stay whole when they fit into one message; when they don't, each piece is a code block of
 * its own, or a table with the header repeated.
 */
export function splitReply(reply: string, length: number = PART_LENGTH): string[] {
  let rest = shortened(reply.replace(/\r\n?/g, '\n'));
  if (escapedLength(rest) <= length) return [rest];
  const parts: string[] = [];
  while (escapedLength(rest) > length) {
    const [part, others] = takePart(rest, length);
    parts.push(part);
    rest = others;
  }
  parts.push(rest);
  const shown = parts.map(withoutBlankEnds).filter((part) => part !== '');
  return shown.length > 0 ? shown : [reply.slice(0, 1)];
}

/** One message's worth from the beginning of a text that is longer, and the rest, always shorter than it. */
function takePart(text: string, length: number): [string, string] {
  const room = Math.max(1, fitting(text, length));
  const window = text.slice(0, 2 * room);
  if (!isTooDeep(window)) {
    const { part, rest } = cutPlace(window, text, room, length) ?? {};
    if (part !== undefined && rest !== undefined && rest.length < text.length) return [part, rest];
  }
  const cut = cutText(text, 0, room);
  return [text.slice(0, cut), text.slice(cut)];
}

function shortened(reply: string): string {
  if (reply.length <= REPLY_LENGTH) return reply;
  const kept = reply.slice(0, wholeCharacters(reply, REPLY_LENGTH));
  return `${kept}\n\n${SHORTENED}`;
}

/** Spaces before the first word may be what makes it code. */
function withoutBlankEnds(part: string): string {
  return part.replace(/^(?:[ \t]*\n)+/, '').trimEnd();
}
