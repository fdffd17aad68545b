/** How a turn is answered in its thread. */
import type { WebClient } from '@slack/web-api';
import type { RedisClient } from '../../../redis/connection.ts';
import type { Logger } from 'pino';
import type { SlackAddress, SlackProgress } from '../address.ts';
import { slackTrouble } from '../errors.ts';
import { markEngaged } from '../threads.ts';
import { findPosts, postPart, showStatus, updatePart, type PostRef } from './thread-posts.ts';

/**
 * The message that was to be updated can't be any more: somebody deleted it, or the workspace forbids edits.
 */
const NOT_UPDATABLE = new Set([
  'message_not_found',
  'cant_update_message',
  'edit_window_closed',
  'is_inactive',
]);

/**
 * Shows in the thread that the agent is at work: a status in an assistant thread, else a message that the
 * reply will replace. When it is uncertain whether Slack has the message already, it looks.
 */
export async function showAtWork(options: {
  client: WebClient;
  address: SlackAddress;
  ref: PostRef;
  asMessage: boolean;
  uncertain: boolean;
}): Promise<SlackProgress> {
  const { client, address, ref, asMessage, uncertain } = options;
  if (address.surface === 'assistant' && !asMessage && (await tryStatus(client, address))) {
    return { kind: 'status' };
  }
  const posted = uncertain ? (await findPosts(client, address, ref.messageId)).get(ref.part) : undefined;
  return { kind: 'message', ts: posted ?? (await postPart(client, address, ref)) };
}

/**
 * Brings the reply to the thread: the first part in place of the progress, the others below it. Each message
 * of ours carries its turn and part, so an attempt that is uncertain finds what is there and posts only what
 * isn't.
 */
export async function replaceProgress(options: {
  client: WebClient;
  log: Logger;
  address: SlackAddress;
  messageId: string;
  progress: SlackProgress | null;
  parts: readonly string[];
  uncertain: boolean;
}): Promise<void> {
  const { client, address, messageId, progress, parts } = options;
  // When nobody knows of a placeholder, it may have been posted all the same.
  const unsure = options.uncertain || progress === null;
  const posts = unsure ? await findPostsIfAllowed(options) : new Map<number, string>();
  for (const [part, markdown] of parts.entries()) {
    const ref = { messageId, part };
    const holdsProgress = part === 0 && progress?.kind === 'message';
    const ts = holdsProgress ? progress.ts : posts.get(part);
    // Parts after the first were complete when they were posted.
    if (ts !== undefined && part > 0) continue;
    if (ts !== undefined && (await tryUpdate(client, address, ts, ref, markdown))) continue;
    const elsewhere = ts !== undefined && unsure ? posts.get(part) : undefined;
    const isOther = elsewhere !== undefined && elsewhere !== ts;
    if (isOther && (await tryUpdate(client, address, elsewhere, ref, markdown))) continue;
    await postPart(client, address, ref, markdown);
  }
}

/** False when the message can't be updated any more. */
async function tryUpdate(
  client: WebClient,
  address: SlackAddress,
  ts: string,
  ref: PostRef,
  markdown: string,
): Promise<boolean> {
  try {
    await updatePart(client, address, ts, ref, markdown);
    return true;
  } catch (error) {
    const trouble = slackTrouble(error);
    if (trouble?.kind === 'refused' && NOT_UPDATABLE.has(trouble.code)) return false;
    throw error;
  }
}

/** Without the scope to look, an answer that may come twice is better than none. */
async function findPostsIfAllowed(options: {
  client: WebClient;
  log: Logger;
  address: SlackAddress;
  messageId: string;
}) {
  const { client, log, address, messageId } = options;
  try {
    return await findPosts(client, address, messageId);
  } catch (error) {
    const trouble = slackTrouble(error);
    if (trouble?.kind !== 'refused') throw error;
    log.warn({ code: trouble.code }, 'Slack does not let us look for what was posted before');
    return new Map<number, string>();
  }
}

/** False where the workspace or Slack's plan has no assistant: a message does it then. */
async function tryStatus(client: WebClient, address: SlackAddress): Promise<boolean> {
  try {
    await showStatus(client, address);
    return true;
  } catch (error) {
    if (slackTrouble(error) === undefined) throw error;
    return false;
  }
}

/** The agent answers in this thread from now on. A convenience: the reply stands, whatever becomes of it. */
export async function engageThread(
  { redis, log }: { redis: RedisClient; log: Logger },
  turn: { tenantId: string; threadId: string; agentId: string },
  { surface }: SlackAddress,
): Promise<void> {
  if (surface !== 'channel') return;
  await markEngaged(redis, turn, turn.agentId).catch((error: unknown) => {
    log.warn({ err: error }, 'the thread is not remembered as engaged');
  });
}
