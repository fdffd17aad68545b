import type { WebClient } from '@slack/web-api';
import { PLACEHOLDER, STATUS } from '../../../domain/words.ts';
import type { SlackAddress } from '../address.ts';
import { slackContent } from './outbound-text.ts';

/** Made once: it is posted for every message. */
const PLACEHOLDER_CONTENT = slackContent(PLACEHOLDER);

/** Names one message of ours by what it is: a part of the reply to a turn. The placeholder is part 0. */
export type PostRef = { messageId: string; part: number };

const METADATA_EVENT = 'konstruct_reply';
const PAGE_SIZE = 200;
/** A thread that has grown by more since the question is looked through no further. */
const MAX_PAGES = 10;

const metadata = ({ messageId, part }: PostRef) => ({
  event_type: METADATA_EVENT,
  event_payload: { turn: messageId, part },
});

/**
 * Posts a part (the placeholder, when no text is given) into the thread and returns its `ts`. Not safe to
 * repeat by itself: look with `findPosts` first.
 */
export async function postPart(
  client: WebClient,
  address: SlackAddress,
  ref: PostRef,
  markdown?: string,
): Promise<string> {
  const { ts } = await client.chat.postMessage({
    channel: address.channel,
    thread_ts: address.threadTs,
    ...(markdown === undefined ? PLACEHOLDER_CONTENT : slackContent(markdown)),
    metadata: metadata(ref),
    // A reply that quotes links should not grow previews, and a later update would not.
    unfurl_links: false,
    unfurl_media: false,
  });
  if (!ts) throw new Error('Slack accepted a message and did not say its ts');
  return ts;
}

/** Writes a part into a message of ours. Safe to repeat. */
export async function updatePart(
  client: WebClient,
  address: SlackAddress,
  ts: string,
  ref: PostRef,
  markdown: string,
): Promise<void> {
  await client.chat.update({
    channel: address.channel,
    ts,
    ...slackContent(markdown),
    // Named again, or an update could leave the message without its name.
    metadata: metadata(ref),
  });
}

/**
 * Our messages in the thread for a turn, `ts` by part number. It finds those that Slack accepted without our
 * hearing of it. Needs the history scope of the conversation.
 */
export async function findPosts(
  client: WebClient,
  address: SlackAddress,
  messageId: string,
): Promise<Map<number, string>> {
  const found = new Map<number, string>();
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const replies = await client.conversations.replies({
      channel: address.channel,
      ts: address.threadTs,
      // Nothing of ours is older than the question.
      oldest: address.eventTs,
      include_all_metadata: true,
      limit: PAGE_SIZE,
      ...(cursor && { cursor }),
    });
    for (const { ts, metadata: named } of replies.messages ?? []) {
      if (!ts || named?.event_type !== METADATA_EVENT) continue;
      const { turn, part } = (named.event_payload ?? {}) as { turn?: unknown; part?: unknown };
      // The first one stays: should there ever be two, all attempts agree on which.
      if (turn === messageId && typeof part === 'number' && !found.has(part)) found.set(part, ts);
    }
    cursor = replies.response_metadata?.next_cursor;
    if (!cursor) break;
  }
  return found;
}

/** Shows that the agent is at work, in an assistant thread. Goes away with the next message. */
export async function showStatus(client: WebClient, address: SlackAddress): Promise<void> {
  await client.assistant.threads.setStatus({
    channel_id: address.channel,
    thread_ts: address.threadTs,
    status: STATUS,
  });
}
