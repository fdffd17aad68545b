/**
 * What was said in a thread before the agent was called into it, or since it last answered there. It goes to
 * the model as quotation, with this one message; it is never remembered. Asked for by many:
 * chenhg5/cc-connect#1749, NousResearch/hermes-agent#23918, everruns/everruns#768.
 */
import type { WebClient } from '@slack/web-api';
import type { BackgroundMessage } from '../../../domain/conversation.ts';
import { PLACEHOLDER } from '../../../domain/words.ts';
import { apart, type ApartOwner } from '../../../lib/apart.ts';
import type { SlackMessage } from './events.ts';
import { opensWithAnother } from './addressing.ts';
import { bounded } from './bounded.ts';
import { readableText } from './inbound-text.ts';
import { looseList, textOf, type Loose } from './loose.ts';
import {
  isNamedIn,
  rawOf,
  SPOKEN,
  threadMessage,
  wordsOfMessage,
  type MessageWords,
  type ThreadMessage,
} from './message-event.ts';

/**
 * One page: Slack gives the oldest first, so a smaller one would miss the end of a long thread. Apps that are
 * sold outside of Slack's marketplace get 15 messages, once a minute.
 */
const PAGE_SIZE = 999;

/** Bounds of what is quoted: the newest stay. In UTF-16 units. */
const MAX_MESSAGES = 50;
const MAX_MESSAGE_LENGTH = 1_500;
const MAX_LENGTH = 12_000;

/** In Slack's notation a text is longer: what is cut here is quoted in no case. */
const MAX_RAW_MESSAGE_LENGTH = 4 * MAX_MESSAGE_LENGTH;

/**
 * Bounds of what is read, whatever the thread holds: of one message, in all its parts, and of all messages.
 * Some of the newest are seen already and not quoted, so twice as many are read as can be quoted.
 */
const MAX_MESSAGE_READ = 4 * MAX_RAW_MESSAGE_LENGTH;
const MAX_READ = 200_000;
const MAX_MESSAGES_READ = 2 * MAX_MESSAGES;

/**
 * Reads the thread; nothing when Slack refuses. Resolves when the call has ended, however late. Needs the
 * conversation's history scope.
 */
export async function readThread(
  client: WebClient,
  { channel, threadTs, ts }: Pick<SlackMessage, 'channel' | 'threadTs' | 'ts'>,
): Promise<ThreadMessage[]> {
  if (threadTs === undefined || threadTs === ts) return [];
  try {
    const asked = { channel, ts: threadTs, latest: ts, limit: PAGE_SIZE };
    const { messages } = await client.conversations.replies(asked);
    return (messages ?? []).flatMap((message) => threadMessage.safeParse(message).data ?? []);
  } catch {
    return [];
  }
}

/** A message of a thread with its text in Slack's notation, cut to what can be quoted. */
export type RawBackground = { author: string; name: string | undefined; at: string; raw: string };

type Asked = Pick<SlackMessage, 'user' | 'ts'>;

const readAmong = apart(import.meta.url, unseenAmong, () => []);

/**
 * As `unseenOf`. The words are read apart from the thread of code that everybody shares, or not at all.
 * Rejects with the reason of the owner's signal when that ends the wait for it.
 */
export async function readUnseen(
  owner: ApartOwner,
  thread: readonly ThreadMessage[],
  { user, ts }: Asked,
  botUserId: string,
): Promise<RawBackground[]> {
  // Most messages have none, and need no place for that.
  if (thread.length === 0) return [];
  return readAmong(owner, newestOf(thread, ts, botUserId), user, botUserId);
}

/**
 * Those messages of a thread that the agent has not seen in this person's conversation with it, oldest
 * first: all until it has answered them there, and afterwards what came after its last answer to them. What
 * they asked the agent themselves stands in its memory of them, with the answers; it is left out, and so is
 * what says nothing. Each message is read once. Pure.
 */
export function unseenOf(
  thread: readonly ThreadMessage[],
  { user, ts }: Asked,
  botUserId: string,
): RawBackground[] {
  return unseenAmong(newestOf(thread, ts, botUserId), user, botUserId);
}

/** Those among what is read of a thread. */
export function unseenAmong(
  { newest, wasEngaged }: Newest,
  user: string,
  botUserId: string,
): RawBackground[] {
  const unseen: RawBackground[] = [];
  let isEngaged = wasEngaged;
  let asker: string | undefined;
  for (const message of newest) {
    const sender = senderOf(message);
    const words = wordsOfMessage(sender === botUserId ? withoutButtons(message) : message);
    if (sender === botUserId) {
      isEngaged = true;
      if (asker === user) unseen.length = 0;
      else if (message.text !== PLACEHOLDER) unseen.push(saidIn(message, words));
      continue;
    }
    const isNamed = isNamedIn(message, botUserId);
    isEngaged ||= isNamed;
    const isAsked = isNamed || (isEngaged && !opensWithAnother(words.own, botUserId));
    if (isAsked) asker = sender;
    if (!isAsked || sender !== user) unseen.push(saidIn(message, words));
  }
  return unseen.filter(({ raw }) => raw !== '').slice(-MAX_MESSAGES);
}

/** The agent's own message without the buttons under it, which say nothing. */
function withoutButtons(message: ThreadMessage): ThreadMessage {
  const isSaid = ({ type }: Loose) => type !== 'actions' && type !== 'context_actions';
  return { ...message, blocks: looseList(message.blocks).filter(isSaid) };
}

/** What was said before a message, oldest first; nothing of it is read yet. */
function earlierThan(thread: readonly ThreadMessage[], ts: string): ThreadMessage[] {
  const order = (message: { ts: string }) => Number(message.ts);
  return thread
    .filter((message) => order(message) < Number(ts) && isSpoken(message))
    .toSorted((a, b) => order(a) - order(b));
}

/** Whether the agent has spoken before the newest messages. */
type Newest = { newest: ThreadMessage[]; wasEngaged: boolean };

/**
 * The newest messages before one, each cut to what is read of it, and no more of them than are read in all.
 */
function newestOf(thread: readonly ThreadMessage[], ts: string, botUserId: string): Newest {
  const messages = earlierThan(thread, ts);
  const newest: ThreadMessage[] = [];
  let left = MAX_READ;
  for (const message of messages.slice(-MAX_MESSAGES_READ).reverse()) {
    const budget = { left: Math.min(MAX_MESSAGE_READ, left), longest: MAX_RAW_MESSAGE_LENGTH };
    left -= budget.left;
    const { text, blocks, attachments, files, ...about } = message;
    newest.push({
      ...about,
      text: textOf(bounded(text, budget)),
      blocks: bounded(blocks, budget),
      attachments: bounded(attachments, budget),
      files: bounded(files, budget),
    });
    left += budget.left;
    if (left <= 0) break;
  }
  const before = messages.slice(0, messages.length - newest.length);
  return {
    newest: newest.reverse(),
    wasEngaged: before.some((message) => senderOf(message) === botUserId),
  };
}

function senderOf({ user, bot_id: botId }: ThreadMessage): string {
  return user ?? botId ?? '';
}

function isSpoken({ subtype, hidden }: ThreadMessage): boolean {
  return !hidden && (!subtype || subtype === 'bot_message' || SPOKEN.has(subtype));
}

function saidIn(message: ThreadMessage, words: MessageWords): RawBackground {
  return {
    author: senderOf(message),
    name: message.username ?? message.bot_profile?.name ?? undefined,
    at: new Date(Number(message.ts) * 1000).toISOString(),
    raw: rawOf(words).slice(0, MAX_RAW_MESSAGE_LENGTH),
  };
}

/** Bounded, the newest kept, and readable. */
export function backgroundOf(
  messages: readonly RawBackground[],
  botUserId: string,
  names: ReadonlyMap<string, string>,
): BackgroundMessage[] {
  const kept: BackgroundMessage[] = [];
  let left = MAX_LENGTH;
  for (const { author, name, at, raw } of messages.toReversed()) {
    const whole = readableText(raw, { botUserId, names });
    const text = whole.length > MAX_MESSAGE_LENGTH ? `${whole.slice(0, MAX_MESSAGE_LENGTH)} …` : whole;
    left -= text.length;
    if (left < 0) break;
    kept.push({
      author: names.get(author) ?? name ?? 'somebody',
      at,
      text: text.toWellFormed(),
      ...(author === botUserId && { isAgent: true }),
    });
  }
  return kept.reverse();
}
