/**
 * A reply that grows in a conversation with the agent is a stream: Slack shows each word as it comes. A
 * stream dies after some five minutes (slackapi/python-slack-sdk#1859), or with its worker; its message is
 * updated then as any other. Source: docs.slack.dev/reference/methods/chat.startStream.
 */
import { slackTrouble } from '../errors.ts';
import { endSession } from './session-status.ts';
import { withoutPings, wholeCharacters } from './plain-text.ts';
import { tsOf, type Place } from './thread-posts.ts';

/** Slack's own limit of a call is 12,000; a message of ours is shorter, and the rest comes in others. */
const MAX_STREAMED = 3_000;
/** A mention that is half written must not be sent as it is: nothing that begins one is longer. */
const HELD_BACK = 40;

/** What of a text that grows may be shown: the same beginning, whatever comes after it. */
export function streamable(textSoFar: string): string {
  const text = withoutPings(textSoFar.slice(0, MAX_STREAMED + HELD_BACK));
  return text.slice(0, wholeCharacters(text, Math.min(MAX_STREAMED, Math.max(0, text.length - HELD_BACK))));
}

/** Starts a stream in the thread, and gives its `ts`. Not safe to repeat: see `postOnce`. */
export async function startStream({ client, address, name }: Place, text: string): Promise<string> {
  const { ts } = await client.chat.startStream({
    channel: address.channel,
    thread_ts: address.threadTs,
    markdown_text: text,
    ...(name !== undefined && { username: name }),
  });
  return tsOf(ts);
}

export async function appendToStream({ client, address }: Place, ts: string, text: string): Promise<void> {
  await client.chat.appendStream({ channel: address.channel, ts, markdown_text: text });
}

/**
 * Ends a stream, whoever has begun it, and the session with it: its message can be updated then. One that has
 * ended is none any more.
 */
export async function stopStream(place: Place, ts: string): Promise<void> {
  const { client, address } = place;
  try {
    await client.chat.stopStream({ channel: address.channel, ts, session_status: 'active' });
  } catch (error) {
    if (slackTrouble(error)?.kind !== 'refused') throw error;
    await endSession(place);
  }
}

/** Whether a message can't be updated since a stream is open in it. */
export function isStreaming(error: unknown): boolean {
  const trouble = slackTrouble(error);
  return trouble?.kind === 'refused' && trouble.code === 'streaming_state_conflict';
}
