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
 * Cuts a reply into messages of at most `length`, between the blocks of its markdown where that is possible.
 * Code and tables stay whole when they fit into one message; when they don't, each piece is a code block of
 * its own, or a table with the header repeated.
 */
export function splitReply(reply: string, length: number = PART_LENGTH): string[] {
  const text = shortened(withPlainLineEnds(reply));
  if (escapedLength(text) <= length) return [text];
  const shown = partsOf(text, length)
    .map(withoutBlankEnds)
    .filter((part) => part !== '');
  return shown.length > 0 ? shown : [text.slice(0, 1)];
}

/** Whatever the reply is made of, it is delivered: an error would come again at each attempt. */
function partsOf(text: string, length: number): string[] {
  try {
    return fillMessages(readBlocks(text), length);
  } catch {
    return inPieces(text, length);
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
