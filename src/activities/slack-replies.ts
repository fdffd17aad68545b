import { activityInfo, ApplicationFailure, heartbeat, log } from '@temporalio/activity';
import type { WebClient } from '@slack/web-api';
import type { SlackChannel } from '../domain/conversation.ts';
import { FAILURE } from '../domain/failures.ts';
import type { PlaceholderPosted, SlackReply, SlackTurn } from '../domain/slack-reply.ts';
import { slackTrouble } from '../slack/errors.ts';
import { findPosts, postPart, showStatus, updatePart } from '../slack/thread-posts.ts';
import { markEngaged } from '../slack/threads.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { toSlackFailure } from './slack-failure.ts';

const HEARTBEAT_MS = 2_000;

/** The message that was to be updated can't be any more: somebody deleted it, or the workspace forbids edits. */
const NOT_UPDATABLE = new Set([
  'message_not_found',
  'cant_update_message',
  'edit_window_closed',
  'is_inactive',
]);

export function createSlackReplies({ slack, redis }: Pick<ActivityDependencies, 'slack' | 'redis'>) {
  return {
    /**
     * Shows in the thread that the agent is at work: a status in an assistant thread, else a message that
     * the reply will replace. An attempt after the first looks whether Slack has the message already.
     */
    async postPlaceholder(turn: SlackTurn & { asMessage: boolean }): Promise<PlaceholderPosted> {
      return withSlack(turn.place, async (client) => {
        if (turn.place.surface === 'assistant' && !turn.asMessage && (await tryStatus(client, turn.place))) {
          return { kind: 'status' };
        }
        const ref = { messageId: turn.messageId, part: 0 };
        const posted = isRepeated()
          ? (await findPosts(client, turn.place, turn.messageId)).get(0)
          : undefined;
        return { kind: 'message', ts: posted ?? (await postPart(client, turn.place, ref)) };
      });
    },

    /**
     * Brings the reply to the thread: the first part in place of the placeholder, the others below it. Each
     * message of ours carries its turn and part, so an attempt after the first, or one that doesn't know of a
     * placeholder, finds what is there and posts only what isn't.
     */
    async deliverReply(reply: SlackReply): Promise<void> {
      await withSlack(reply.place, (client) => deliver(client, reply));
      if (reply.place.surface === 'channel') {
        await markEngaged(redis, reply, reply.agentId).catch((error: unknown) => {
          log.warn('the thread is not remembered as engaged', { err: error });
        });
      }
    },
  };

  async function withSlack<T>(place: SlackChannel, work: (client: WebClient) => Promise<T>): Promise<T> {
    const client = slack(place.team);
    if (!client) {
      throw ApplicationFailure.create({
        type: FAILURE.slackUnavailable,
        message: `no token for Slack workspace ${place.team}: is SLACK_BOT_TOKEN set for the worker?`,
      });
    }
    const beat = setInterval(() => heartbeat(), HEARTBEAT_MS);
    try {
      return await work(client);
    } catch (error) {
      throw toSlackFailure(error);
    } finally {
      clearInterval(beat);
    }
  }
}

async function deliver(client: WebClient, reply: SlackReply): Promise<void> {
  const { place, messageId, placeholder, parts } = reply;
  // Without an answer from the placeholder's activity, it may have been posted all the same.
  const unsure = isRepeated() || placeholder === null;
  const posts = unsure ? await findPostsIfAllowed(client, reply) : new Map<number, string>();
  // withSlack heartbeats beside this.
  // eslint-disable-next-line temporal/activity-heartbeat-in-long-loops
  for (const [part, markdown] of parts.entries()) {
    const ref = { messageId, part };
    const holdsPlaceholder = part === 0 && placeholder?.kind === 'message';
    const ts = holdsPlaceholder ? placeholder.ts : posts.get(part);
    // Parts after the first were complete when they were posted.
    if (ts !== undefined && part > 0) continue;
    if (ts !== undefined && (await tryUpdate(client, reply, ts, markdown))) continue;
    const again = ts !== undefined && isRepeated() ? posts.get(part) : undefined;
    if (again === undefined || again === ts) await postPart(client, place, ref, markdown);
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

function isRepeated(): boolean {
  return activityInfo().attempt > 1;
}
