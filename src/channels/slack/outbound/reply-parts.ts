/** How a reply becomes several messages. Pure, so the same reply is always cut the same way. */
import { SHORTENED } from '../../../domain/words.ts';
import { fillMessages } from './message-filling.ts';
import { escapedLength, fitting, wholeCharacters, withPlainLineEnds } from './plain-text.ts';
import { readBlocks } from './reply-blocks.ts';

/**
 * How long one Slack message may be, in UTF-16 units and as Slack wants it escaped. Slack refuses an update
 * whose `text` is over 4,000 characters, and mrkdwn is a little longer than the markdown it comes from.
 */
const PART_LENGTH = 3_500;

/** What is shown of one reply. A model that runs away fills no channel. */
const REPLY_LENGTH = 40_000;

/**
 * What laying a reply out may take of the parser, in about microseconds: for every reply, and for each of its
 * characters. What people and models write takes less; of any other reply the rest is shown as it was
 * written.
 */
const MAX_WORK = { aReply: 80_000, aCharacter: 6 };

/**
 * Cuts a reply into messages of at most `length`, between the blocks of its markdown where that is possible.
 * Code and tables stay whole when they fit into one message; when they don't, each piece is a code block of
 * its own, or a table with the header repeated.
 */
export function splitReply(reply: string, length: number = PART_LENGTH): string[] {
  return firstParts(reply, Infinity, length);
}

/** The first messages of a reply, at most `most` of them; what comes after these isn't read. */
export function firstParts(reply: string, most: number, length: number = PART_LENGTH): string[] {
  const text = shortened(withPlainLineEnds(reply));
  if (escapedLength(text) <= length) return [text];
  const shown = partsOf(text, length, most)
    .map(withoutBlankEnds)
    .filter((part) => part !== '');
  return shown.length > 0 ? shown : [text.slice(0, 1)];
}

/** The same of a reply whose markdown nobody reads. */
export function plainParts(reply: string): string[] {
  return inPieces(shortened(withPlainLineEnds(reply)), PART_LENGTH).filter((part) => part.trim() !== '');
}

/** Whatever the reply is made of, it is delivered: an error would come again at each attempt. */
function partsOf(text: string, length: number, most: number): string[] {
  const allowance = { left: MAX_WORK.aReply + MAX_WORK.aCharacter * text.length };
  try {
    return fillMessages(readBlocks(text, allowance), { length, most, allowance });
  } catch {
    return inPieces(text, length).slice(0, most);
  }
}

function inPieces(text: string, length: number): string[] {
  const pieces: string[] = [];
  for (let rest = text; rest !== '';) {
    const end = Math.max(1, fitting(rest, length));
    pieces.push(rest.slice(0, end));
    rest = rest.slice(end);
  }
  return pieces;
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
