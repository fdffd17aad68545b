/**
 * What was said in a thread before the agent was called into it, or since it last answered there. It goes to
 * the model as quotation, with this one message; it is never remembered. Asked for by many:
 * chenhg5/cc-connect#1749, NousResearch/hermes-agent#23918, everruns/everruns#768.
 */
import type { WebClient } from '@slack/web-api';
import type { BackgroundMessage } from '../../../domain/conversation.ts';
import { PLACEHOLDER } from '../../../domain/words.ts';
import { within } from '../../../lib/within.ts';
import type { SlackMessage } from './events.ts';
import { opensWithAnother, readableText } from './inbound-text.ts';
import {
  isNamedIn,
  rawOf,
  saysNothing,
  SPOKEN,
  threadMessage,
  wordsOfMessage,
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

/** Reads the thread; nothing when Slack refuses or is late. Needs the conversation's history scope. */
export async function readThread(
  client: WebClient,
  { channel, threadTs, ts }: SlackMessage,
  withinMs: number,
): Promise<ThreadMessage[]> {
  if (threadTs === undefined || threadTs === ts || withinMs <= 0) return [];
  try {
    const asked = client.conversations.replies({ channel, ts: threadTs, latest: ts, limit: PAGE_SIZE });
    const { messages } = await within(withinMs, asked);
    return (messages ?? []).flatMap((message) => threadMessage.safeParse(message).data ?? []);
  } catch {
    return [];
  }
}

/**
 * Those messages of a thread that the agent has not seen in this person's conversation with it, oldest
 * first: all until it has answered them there, and afterwards what came after its last answer to them. What
 * they asked the agent themselves stands in its memory of them, with the answers; it is left out. Pure.
 */
export function unseenOf(
  thread: readonly ThreadMessage[],
  { user, ts }: Pick<SlackMessage, 'user' | 'ts'>,
  botUserId: string,
): ThreadMessage[] {
  const unseen: ThreadMessage[] = [];
  let isEngaged = false;
  let asker: string | undefined;
  for (const message of earlierThan(thread, ts)) {
    const sender = message.user ?? message.bot_id ?? '';
    if (sender === botUserId) {
      isEngaged = true;
      if (asker === user) unseen.length = 0;
      else if (message.text !== PLACEHOLDER) unseen.push(message);
      continue;
    }
    const isNamed = isNamedIn(message, botUserId);
    isEngaged ||= isNamed;
    const isToAnother = opensWithAnother(wordsOfMessage(message).own, botUserId);
    const isAsked = isNamed || (isEngaged && !isToAnother);
    if (isAsked) asker = sender;
    if (!isAsked || sender !== user) unseen.push(message);
  }
  return unseen;
}

function earlierThan(thread: readonly ThreadMessage[], ts: string): ThreadMessage[] {
  const order = (message: { ts: string }) => Number(message.ts);
  return thread
    .filter((message) => order(message) < Number(ts) && isSpoken(message))
    .toSorted((a, b) => order(a) - order(b))
    .slice(-2 * MAX_MESSAGES);
}

function isSpoken({ subtype, hidden }: ThreadMessage): boolean {
  return !hidden && (!subtype || subtype === 'bot_message' || SPOKEN.has(subtype));
}

/** A message of a thread with its text in Slack's notation. */
export type RawBackground = { author: string; name: string | undefined; at: string; raw: string };

/** The messages in Slack's notation, still without names; those that say nothing are left out. */
export function rawBackground(messages: readonly ThreadMessage[]): RawBackground[] {
  return messages.flatMap((message) => {
    const words = wordsOfMessage(message);
    if (saysNothing(words)) return [];
    return {
      author: message.user ?? message.bot_id ?? '',
      name: message.username ?? message.bot_profile?.name ?? undefined,
      at: new Date(Number(message.ts) * 1000).toISOString(),
      raw: rawOf(words),
    };
  });
}

/** Bounded, the newest kept, and readable. */
export function backgroundOf(
  messages: readonly RawBackground[],
  botUserId: string,
  names: ReadonlyMap<string, string>,
): BackgroundMessage[] {
  const kept: BackgroundMessage[] = [];
  let left = MAX_LENGTH;
  for (const { author, name, at, raw } of messages.toReversed().slice(0, MAX_MESSAGES)) {
    const whole = readableText(raw.slice(0, 4 * MAX_MESSAGE_LENGTH), { botUserId, names });
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
