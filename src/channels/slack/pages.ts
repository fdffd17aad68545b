/**
 * Pages of a conversation, as Slack's Web API gives them: up to 999 messages, of which people and their apps
 * decide all that they hold. So one is read apart, and what is kept of it is bounded: the library parses it
 * again on the thread that everybody shares, goes through each value, and takes the square of a key's length.
 */
import { apart } from '../../lib/apart.ts';
import { isTextWithin } from '../../lib/json-size.ts';
import { parseJson } from '../../lib/parse-json.ts';
import { bounded } from './inbound/bounded.ts';
import { isLoose, textOf, type Loose } from './inbound/loose.ts';

/**
 * Objects, lists and values of a page, and how deep they stand. One of four megabytes has a value in ten
 * bytes; of brackets alone it would take half a second to parse.
 */
const MOST = { values: 400_000, depth: 100 };

/** What is kept of the parts that messages hold, newest first: of one message, and of all. */
const PARTS_OF_MESSAGE = 24_000;
const PARTS_OF_PAGE = 200_000;
/** What is kept of a message in any case, and how much of each; and how the text of a bot's begins. */
const ABOUT = [
  'type',
  'subtype',
  'user',
  'bot_id',
  'ts',
  'thread_ts',
  'hidden',
  'username',
  'bot_profile',
  'metadata',
];
const ABOUT_MESSAGE = 1_000;
const BEGINNING = 200;
/** More messages than Slack puts into a page. */
const MESSAGES = 1_000;
/** All beside the messages: whether it went well, and where the next page is. */
const AROUND = 10_000;

/** Reads a page apart from the thread that everybody shares. Undefined when that takes too long. */
export const readPage = apart(import.meta.url, pageOf, () => undefined);

/** What is kept of a page, as JSON; undefined when it holds too much to be read. What is no page is kept. */
export function pageOf(body: Uint8Array): string | undefined {
  const text = Buffer.from(body).toString('utf8');
  if (!isTextWithin(text, MOST.values, MOST.depth)) return undefined;
  const page = parseJson(text);
  // The library says what is wrong with it.
  if (!isLoose(page)) return text.slice(0, BEGINNING);
  const { messages, ...around } = page;
  return JSON.stringify({
    ...(bounded(around, { left: AROUND, longest: AROUND }) as Loose),
    ...(Array.isArray(messages) && { messages: keptOf(messages.slice(0, MESSAGES)) }),
  });
}

function keptOf(messages: readonly unknown[]): unknown[] {
  const newestFirst = messages
    .map((message, place) => ({ message, place, at: isLoose(message) ? Number(message['ts']) : NaN }))
    .toSorted((a, b) => b.at - a.at);
  const kept: unknown[] = [];
  let left = PARTS_OF_PAGE;
  for (const { message, place } of newestFirst) {
    if (!isLoose(message)) continue;
    const { text, blocks, attachments, files } = message;
    const about = ABOUT.map((name) => [
      name,
      bounded(message[name], { left: ABOUT_MESSAGE, longest: BEGINNING }),
    ]);
    const parts = { left: Math.min(PARTS_OF_MESSAGE, left), longest: PARTS_OF_MESSAGE };
    left -= parts.left;
    kept[place] = {
      ...(Object.fromEntries(about) as Loose),
      text: bounded(text, parts) ?? (message['bot_id'] ? textOf(text).slice(0, BEGINNING) : undefined),
      blocks: bounded(blocks, parts),
      attachments: bounded(attachments, parts),
      files: bounded(files, parts),
    };
    left += parts.left;
  }
  return kept.filter((message) => message !== undefined);
}
