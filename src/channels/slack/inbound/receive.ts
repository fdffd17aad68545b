import type { WebClient } from '@slack/web-api';
import type { RedisClient } from '../../../redis/connection.ts';
import type { Logger } from 'pino';
import { TOO_MANY_MESSAGES } from '../../../domain/words.ts';
import { MAX_TEXT_LENGTH } from '../../../intake/fields.ts';
import type { IntakeOutcome, NewMessage } from '../../../intake/outcomes.ts';
import { within } from '../../../lib/within.ts';
import type { SlackAddress } from '../address.ts';
import type { Received, WebhookChannel, WebhookRequest } from '../../channel.ts';
import { postPart } from '../outbound/thread-posts.ts';
import {
  claimBusyNotice,
  isAssistantThread,
  isEngaged,
  markAssistantThread,
  markEngaged,
} from '../threads.ts';
import { judgeEvent, readRequest, type SlackMessage } from './events.ts';
import { mentionedUsers, readableText } from './inbound-text.ts';
import type { FindInstallation, Installation } from './installations.ts';
import type { LookUpNames } from './names.ts';
import { isFromSlack } from './signature.ts';

type SlackInbound = {
  signingSecret: string;
  findInstallation: FindInstallation;
  lookUpNames: LookUpNames;
  /** Bot and user ids of other bots that the agent answers. */
  allowedBots: ReadonlySet<string>;
  redis: RedisClient;
  log: Logger;
};

const MAX_BODY_BYTES = 1024 * 1024;

/** How long a message may be held up by a look-up that only makes it nicer, or by Redis. */
const NAMES_WITHIN_MS = 500;
/** A first message can lack its sender's own name: a look-up that is late serves the next message. */
const SENDER_WITHIN_MS = 50;
const REDIS_WITHIN_MS = 300;
const THREAD_WITHIN_MS = 1_000;

/** `POST /slack/events` and `/slack/interactions`. A request counts only with Slack's signature. */
export function createSlackInbound(dependencies: SlackInbound): WebhookChannel {
  const { signingSecret, findInstallation, allowedBots, redis, log } = dependencies;
  return { name: 'slack', paths: ['events', 'interactions'], maxBodyBytes: MAX_BODY_BYTES, receive };

  async function receive(request: WebhookRequest, deadline: number): Promise<Received> {
    const body = request.body.toString('utf8');
    const isSigned = isFromSlack(
      {
        timestamp: request.header('x-slack-request-timestamp'),
        signature: request.header('x-slack-signature'),
        body,
      },
      signingSecret,
    );
    if (!isSigned) {
      const needed = 'The request is not signed by Slack, or not within five minutes.';
      return { kind: 'unauthenticated', needed };
    }
    // No message of ours has buttons yet; Slack wants an answer all the same.
    if (request.path === 'interactions') return { kind: 'answered', body: undefined };
    return receiveEvent(body, deadline);
  }

  async function receiveEvent(body: string, deadline: number): Promise<Received> {
    const request = readRequest(body);
    switch (request?.kind) {
      case 'challenge':
        return { kind: 'answered', body: { challenge: request.challenge } };
      case 'other':
        if (request.type === 'app_rate_limited') log.warn('Slack holds events back: too many in a minute');
        return { kind: 'ignored', reason: 'other_request' };
      case undefined:
        return { kind: 'ignored', reason: 'unreadable' };
      case 'event':
        break;
    }
    const { teamId, enterpriseId, event } = request;
    let installation: Installation | undefined;
    try {
      installation = await within(deadline - Date.now(), findInstallation({ teamId, enterpriseId }));
    } catch {
      return { kind: 'unavailable', service: 'Slack' };
    }
    const team = teamId ?? enterpriseId;
    if (!installation || !team) return { kind: 'ignored', reason: 'unknown_workspace' };
    const judged = judgeEvent(event, installation, allowedBots);
    switch (judged.kind) {
      case 'ignored':
        return judged;
      case 'assistant-thread-started': {
        const thread = threadOf(installation, team, judged.channel, judged.threadTs);
        await within(REDIS_WITHIN_MS, markAssistantThread(redis, thread)).catch(() => undefined);
        return { kind: 'ignored', reason: 'assistant_thread_started' };
      }
      case 'message':
        return receiveMessage(dependencies, judged, team, installation);
    }
  }
}

async function receiveMessage(
  { lookUpNames, redis, log }: SlackInbound,
  message: SlackMessage,
  team: string,
  installation: Installation,
): Promise<Received> {
  const { tenantId, agentId, botUserId, client } = installation;
  const threadTs = message.threadTs ?? message.ts;
  const thread = threadOf(installation, team, message.channel, threadTs);
  if (message.addressed === 'thread' && !message.startedByAgent) {
    const engaged = await isEngagedIn(redis, message, thread, installation);
    if (engaged === 'unknown') return { kind: 'unavailable', service: 'Redis' };
    if (!engaged) return { kind: 'ignored', reason: 'not_engaged' };
  }
  const [names, senders, surface] = await Promise.all([
    lookUpNames(client, team, othersMentioned(message.text, botUserId), NAMES_WITHIN_MS),
    lookUpNames(client, team, [message.user], SENDER_WITHIN_MS),
    surfaceOf(redis, message, thread),
  ]);
  const { channel, ts: eventTs } = message;
  const address: SlackAddress = { team, channel, threadTs, eventTs, surface };
  const dedupeKey = `slack:${team}:${channel}:${eventTs}`;
  const received: NewMessage & { dedupeKey: string } = {
    tenantId,
    agentId,
    userId: `slack:${team}:${message.user}`,
    userName: senders.get(message.user),
    channel: { name: 'slack', address },
    text: cut(readableText(message.text, { botUserId, names }), MAX_TEXT_LENGTH),
    threadId: thread.threadId,
    dedupeKey,
    // Slack's ids say which message it is; the text may read differently when a name wasn't found in time.
    fingerprint: dedupeKey,
  };
  const settled = (outcome: IntakeOutcome): void => {
    const note = (error: unknown) => log.debug({ err: error }, 'after a message from Slack');
    if (outcome.kind === 'rate-limited') sayTooMany(redis, client, received, address).catch(note);
    // Engaged from the question on, so that the next message is heard at once; the answer notes it again.
    if (outcome.kind === 'accepted' && message.addressed === 'mention') {
      markEngaged(redis, thread, agentId).catch(note);
    }
  };
  return { kind: 'message', message: received, settled };
}

/** Redis knows; without it, Slack does: the agent is engaged where it has spoken. */
async function isEngagedIn(
  redis: RedisClient,
  { channel, threadTs = '' }: SlackMessage,
  thread: { tenantId: string; threadId: string },
  { agentId, botUserId, client }: Installation,
): Promise<boolean | 'unknown'> {
  try {
    return await within(REDIS_WITHIN_MS, isEngaged(redis, thread, agentId));
  } catch {
    const replies = client.conversations.replies({ channel, ts: threadTs, limit: 200 });
    return within(THREAD_WITHIN_MS, replies).then(
      ({ messages = [] }) => messages.some(({ user }) => user === botUserId),
      () => 'unknown' as const,
    );
  }
}

async function surfaceOf(
  redis: RedisClient,
  message: SlackMessage,
  thread: { tenantId: string; threadId: string },
): Promise<SlackAddress['surface']> {
  if (!message.isDirect) return 'channel';
  if (message.isAssistantThread) return 'assistant';
  if (message.threadTs === undefined) return 'im';
  const known = within(REDIS_WITHIN_MS, isAssistantThread(redis, thread)).catch(() => false);
  return (await known) ? 'assistant' : 'im';
}

/** One polite line in the thread, at most once a minute. Nobody waits for it, and a lost one is no loss. */
async function sayTooMany(
  redis: RedisClient,
  client: WebClient,
  { tenantId, userId, dedupeKey }: { tenantId: string; userId: string; dedupeKey: string },
  address: SlackAddress,
): Promise<void> {
  if (!(await claimBusyNotice(redis, tenantId, userId))) return;
  await postPart(client, address, { messageId: dedupeKey, part: 0 }, TOO_MANY_MESSAGES);
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
