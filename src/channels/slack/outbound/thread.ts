/** How a turn is answered in its thread: what the activities that speak in Slack have in common. */
import { log } from '@temporalio/activity';
import type { WebClient } from '@slack/web-api';
import type { Redis } from 'ioredis';
import type { SlackChannel } from '../../../domain/conversation.ts';
import type { PlaceholderPosted, SlackReply, SlackTurn } from '../../../domain/delivery.ts';
import { slackTrouble } from '../errors.ts';
import { findPosts, postPart, showStatus, updatePart } from './thread-posts.ts';
import { markEngaged } from '../threads.ts';

/** The message that was to be updated can't be any more: somebody deleted it, or the workspace forbids edits. */
const NOT_UPDATABLE = new Set([
  'message_not_found',
  'cant_update_message',
  'edit_window_closed',
  'is_inactive',
]);

/**
 * Shows in the thread that the agent is at work: a status in an assistant thread, else a message that
 * the reply will replace. A repeated attempt looks whether Slack has the message already.
 */
export async function showAtWork(options: {
  client: WebClient;
  turn: SlackTurn;
  asMessage: boolean;
  repeated: boolean;
}): Promise<PlaceholderPosted> {
  const { client, asMessage, repeated } = options;
  const { place, messageId } = options.turn;
  if (place.surface === 'assistant' && !asMessage && (await tryStatus(client, place))) {
    return { kind: 'status' };
  }
  const posted = repeated ? (await findPosts(client, place, messageId)).get(0) : undefined;
  return { kind: 'message', ts: posted ?? (await postPart(client, place, { messageId, part: 0 })) };
}

/**
 * Brings the reply to the thread: the first part in place of the placeholder, the others below it. Each
 * message of ours carries its turn and part, so a repeated attempt, or one that doesn't know of a
 * placeholder, finds what is there and posts only what isn't.
 */
export async function bringReply(options: {
  client: WebClient;
  reply: SlackReply;
  repeated: boolean;
}): Promise<void> {
  const { client, reply, repeated } = options;
  const { place, messageId, placeholder, parts, tried } = reply;
  // Without an answer from whoever posted the placeholder, it may have been posted all the same.
  const unsure = repeated || tried || placeholder === null;
  const posts = unsure ? await findPostsIfAllowed(client, reply) : new Map<number, string>();
  for (const [part, markdown] of parts.entries()) {
    const ref = { messageId, part };
    const holdsPlaceholder = part === 0 && placeholder?.kind === 'message';
    const ts = holdsPlaceholder ? placeholder.ts : posts.get(part);
    // Parts after the first were complete when they were posted.
    if (ts !== undefined && part > 0) continue;
    if (ts !== undefined && (await tryUpdate(client, reply, ts, markdown))) continue;
    const again = ts !== undefined && unsure ? posts.get(part) : undefined;
    const isElsewhere = again !== undefined && again !== ts;
    if (isElsewhere && (await tryUpdate(client, reply, again, markdown))) continue;
    await postPart(client, place, ref, markdown);
  }
}

/** False when the message can't be updated any more. */
async function tryUpdate(
  client: WebClient,
  reply: SlackReply,
  ts: string,
  markdown: string,
): Promise<boolean> {
  try {
    await updatePart(client, reply.place, ts, { messageId: reply.messageId, part: 0 }, markdown);
    return true;
  } catch (error) {
    const trouble = slackTrouble(error);
    if (trouble?.kind === 'refused' && NOT_UPDATABLE.has(trouble.code)) return false;
    throw error;
  }
}

/** Without the scope to look, an answer that may come twice is better than none. */
async function findPostsIfAllowed(client: WebClient, { place, messageId }: SlackReply) {
  try {
    return await findPosts(client, place, messageId);
  } catch (error) {
    const trouble = slackTrouble(error);
    if (trouble?.kind !== 'refused') throw error;
    log.warn('Slack does not let us look for what was posted before', { code: trouble.code });
    return new Map<number, string>();
  }
}

/** False where the workspace or Slack's plan has no assistant: then a message does it. */
async function tryStatus(client: WebClient, place: SlackChannel): Promise<boolean> {
  try {
    await showStatus(client, place);
    return true;
  } catch (error) {
    const trouble = slackTrouble(error);
    if (trouble === undefined) throw error;
    return false;
  }
}

/** The agent answers in this thread from now on. A convenience: the reply stands, whatever becomes of it. */
export async function engageThread({ redis, turn }: { redis: Redis; turn: SlackTurn }): Promise<void> {
  if (turn.place.surface !== 'channel') return;
  await markEngaged(redis, turn, turn.agentId).catch((error: unknown) => {
    log.warn('the thread is not remembered as engaged', { err: error });
  });
}
