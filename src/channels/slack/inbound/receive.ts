import type { WebClient } from '@slack/web-api';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { SlackChannel } from '../../../domain/conversation.ts';
import { TOO_MANY_MESSAGES } from '../../../domain/failures.ts';
import { judgeEvent, type SlackMessage } from './events.ts';
import { mentionedUsers, readableText } from './inbound-text.ts';
import type { FindInstallation, Installation } from './installations.ts';
import type { LookUpNames } from './names.ts';
import { postPart } from '../outbound/thread-posts.ts';
import {
  claimBusyNotice,
  isAssistantThread,
  isEngaged,
  markAssistantThread,
  markEngaged,
} from '../threads.ts';
import type { AcceptMessage } from '../../../intake/accept-message.ts';
import { Problem, unavailable } from '../../../api/problems.ts';
import { MAX_TEXT_LENGTH } from '../../../api/schemas.ts';

/** What the Slack routes need besides the API's own. */
export type SlackSettings = {
  signingSecret: string;
  findInstallation: FindInstallation;
  lookUpNames: LookUpNames;
  /** Bot and user ids of other bots that the agent answers. */
  allowedBots: ReadonlySet<string>;
};

type SlackEvent = { teamId: string | undefined; enterpriseId: string | undefined; event: unknown };

/** How long a message may be held up by what only makes it nicer, or by Redis. */
const NAMES_WITHIN_MS = 500;
/** The sender's own name can be missing in a first message: what is looked up late is there for the next. */
const SENDER_WITHIN_MS = 50;
const REDIS_WITHIN_MS = 300;
const THREAD_WITHIN_MS = 1_000;

/**
 * Makes the step from an event to an accepted message. Resolves with what became of it, `accepted` or why
 * it was ignored; rejects when that can't be decided or done within the deadline (epoch ms).
 */
export function createSlackIntake(dependencies: {
  slack: SlackSettings;
  redis: Redis;
  accept: AcceptMessage;
  log: Logger;
}): (event: SlackEvent, deadline: number) => Promise<string> {
  const { slack, redis, accept, log } = dependencies;

  return async ({ teamId, enterpriseId, event }, deadline) => {
    const leftMs = () => Math.max(0, deadline - Date.now());
    const installation = await within(leftMs(), slack.findInstallation({ teamId, enterpriseId })).catch(
      () => {
        throw unavailable('Slack');
      },
    );
    const team = teamId ?? enterpriseId;
    if (!installation || !team) return 'unknown_workspace';
    const judged = judgeEvent(event, installation, slack.allowedBots);
    switch (judged.kind) {
      case 'ignored':
        return judged.reason;
      case 'assistant-thread-started': {
        const thread = threadOf(installation, team, judged.channel, judged.threadTs);
        await within(REDIS_WITHIN_MS, markAssistantThread(redis, thread)).catch(() => undefined);
        return 'assistant_thread_started';
      }
      case 'message':
        return takeMessage(judged, team, installation, deadline);
    }
  };

  async function takeMessage(
    message: SlackMessage,
    team: string,
    installation: Installation,
    deadline: number,
  ): Promise<string> {
    const { tenantId, agentId, botUserId, client } = installation;
    const threadTs = message.threadTs ?? message.ts;
    const thread = threadOf(installation, team, message.channel, threadTs);
    if (message.addressed === 'thread' && !message.startedByAgent) {
      if (!(await isEngagedIn(redis, message, thread, installation))) return 'not_engaged';
    }
    const [names, senders, surface] = await Promise.all([
      slack.lookUpNames(client, team, othersMentioned(message.text, botUserId), NAMES_WITHIN_MS),
      slack.lookUpNames(client, team, [message.user], SENDER_WITHIN_MS),
      surfaceOf(redis, message, thread),
    ]);
    const { channel, ts: eventTs } = message;
    const place: SlackChannel = { type: 'slack', team, channel, threadTs, eventTs, surface };
    const dedupeKey = `slack:${team}:${channel}:${eventTs}`;
    const turn = {
      tenantId,
      agentId,
      userId: `slack:${team}:${message.user}`,
      userName: senders.get(message.user),
      channel: place,
      text: cut(readableText(message.text, { botUserId, names }), MAX_TEXT_LENGTH),
      threadId: thread.threadId,
      dedupeKey,
      // Slack's ids say which message it is; the text may read differently when a name wasn't found in time.
      fingerprint: dedupeKey,
    };
    try {
      await accept(turn, { deadline });
    } catch (error) {
      if (!(error instanceof Problem && error.status === 429)) throw error;
      void sayTooMany(redis, client, turn, place).catch((reason: unknown) =>
        log.debug({ err: reason }, 'notice'),
      );
      return 'rate_limited';
    }
    // Engaged from the question on, so that what follows at once is heard; the answer notes it again.
    if (message.addressed === 'mention') {
      markEngaged(redis, thread, agentId).catch((error: unknown) => log.debug({ err: error }, 'redis'));
    }
    return 'accepted';
  }
}

/** Redis knows; without it, Slack does: the agent is engaged where it has spoken. */
async function isEngagedIn(
  redis: Redis,
  { channel, threadTs = '' }: SlackMessage,
  thread: { tenantId: string; threadId: string },
  { agentId, botUserId, client }: Installation,
): Promise<boolean> {
  try {
    return await within(REDIS_WITHIN_MS, isEngaged(redis, thread, agentId));
  } catch {
    const replies = client.conversations.replies({ channel, ts: threadTs, limit: 200 });
    const { messages } = await within(THREAD_WITHIN_MS, replies).catch(() => {
      throw unavailable('Redis');
    });
    return (messages ?? []).some(({ user }) => user === botUserId);
  }
}

async function surfaceOf(
  redis: Redis,
  message: SlackMessage,
  thread: { tenantId: string; threadId: string },
): Promise<SlackChannel['surface']> {
  if (!message.isDirect) return 'channel';
  if (message.isAssistantThread) return 'assistant';
  if (message.threadTs === undefined) return 'im';
  const known = within(REDIS_WITHIN_MS, isAssistantThread(redis, thread)).catch(() => false);
  return (await known) ? 'assistant' : 'im';
}

/** One polite line in the thread. Said at most once a minute, so nobody waits for it and a lost one is no loss. */
async function sayTooMany(
  redis: Redis,
  client: WebClient,
  { tenantId, userId, dedupeKey }: { tenantId: string; userId: string; dedupeKey: string },
  place: SlackChannel,
): Promise<void> {
  if (!(await claimBusyNotice(redis, tenantId, userId))) return;
  await postPart(client, place, { messageId: dedupeKey, part: 0 }, TOO_MANY_MESSAGES);
}

function threadOf({ tenantId }: Installation, team: string, channel: string, ts: string) {
  return { tenantId, threadId: `slack:${team}:${channel}:${ts}` };
}

function othersMentioned(text: string, botUserId: string): string[] {
  return mentionedUsers(text).filter((userId) => userId !== botUserId);
}

/** At most `length` Unicode characters. */
function cut(text: string, length: number): string {
  return text.length <= length ? text : Array.from(text).slice(0, length).join('');
}

/** What `work` gives, or a rejection after `ms`. */
async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${ms} ms`)), ms);
  });
  work.catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
