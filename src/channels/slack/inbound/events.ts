/** Slack's events, read and judged. Pure. Source: docs.slack.dev/reference/events. */
import { z } from 'zod';
import { mentions } from './inbound-text.ts';

const id = z.string().regex(/^[\w-]{1,60}$/);
const timestamp = z.string().regex(/^\d{1,20}(?:\.\d{1,20})?$/);

const envelope = z.object({
  type: z.string(),
  challenge: z.string().optional(),
  team_id: id.nullish(),
  enterprise_id: id.nullish(),
  authorizations: z.array(z.object({ team_id: id.nullish(), enterprise_id: id.nullish() })).nullish(),
  event: z.unknown().optional(),
});

const messageEvent = z.object({
  type: z.enum(['message', 'app_mention']),
  subtype: z.string().nullish(),
  channel: id,
  channel_type: z.string().nullish(),
  user: id.nullish(),
  bot_id: id.nullish(),
  text: z.string().nullish(),
  ts: timestamp,
  thread_ts: timestamp.nullish(),
  parent_user_id: id.nullish(),
  edited: z.unknown().optional(),
  assistant_thread: z.unknown().optional(),
});

const assistantThreadEvent = z.object({
  type: z.literal('assistant_thread_started'),
  assistant_thread: z.object({ channel_id: id, thread_ts: timestamp }),
});

/** What a request to `/slack/events` holds. */
type SlackRequest =
  | { kind: 'challenge'; challenge: string }
  | { kind: 'event'; teamId: string | undefined; enterpriseId: string | undefined; event: unknown }
  | { kind: 'other'; type: string };

/** Reads a request body; undefined when it is nothing that Slack sends. */
export function readRequest(body: string): SlackRequest | undefined {
  const read = envelope.safeParse(parseJson(body));
  if (!read.success) return undefined;
  const { type, challenge, team_id, enterprise_id, authorizations, event } = read.data;
  if (type === 'url_verification' && challenge !== undefined) return { kind: 'challenge', challenge };
  if (type !== 'event_callback') return { kind: 'other', type };
  // In a channel that two companies share, `authorizations` names the one that has the app.
  const installed = authorizations?.[0];
  return {
    kind: 'event',
    teamId: installed?.team_id ?? team_id ?? undefined,
    enterpriseId: installed?.enterprise_id ?? enterprise_id ?? undefined,
    event,
  };
}

/** A message that may concern the agent. */
export type SlackMessage = {
  kind: 'message';
  /** `thread`: only if the agent is engaged in it; `startedByAgent` says so at once. */
  addressed: 'mention' | 'direct' | 'thread';
  startedByAgent: boolean;
  channel: string;
  user: string;
  text: string;
  ts: string;
  /** Undefined outside of a thread. */
  threadTs: string | undefined;
  isDirect: boolean;
  isAssistantThread: boolean;
};

type Judged =
  | SlackMessage
  | { kind: 'assistant-thread-started'; channel: string; threadTs: string }
  | { kind: 'ignored'; reason: string };

/** Subtypes in which a person says something; all others tell of edits, joins, topics and the like. */
const SPOKEN = new Set(['file_share', 'thread_broadcast', 'me_message']);

/**
 * Judges an event by itself, for the agent whose bot it is. `allowedBots` are ids of other bots that may
 * speak.
 */
export function judgeEvent(
  event: unknown,
  self: { botUserId: string; botId: string | undefined },
  allowedBots: ReadonlySet<string>,
): Judged {
  const started = assistantThreadEvent.safeParse(event);
  if (started.success) {
    const { channel_id, thread_ts } = started.data.assistant_thread;
    return { kind: 'assistant-thread-started', channel: channel_id, threadTs: thread_ts };
  }
  const read = messageEvent.safeParse(event);
  if (!read.success) return { kind: 'ignored', reason: 'other_event' };
  const reason = whyIgnored(read.data, self, allowedBots);
  return reason === undefined ? addressedMessage(read.data, self.botUserId) : { kind: 'ignored', reason };
}

type MessageEvent = z.output<typeof messageEvent>;

function whyIgnored(
  event: MessageEvent,
  self: { botUserId: string; botId: string | undefined },
  allowedBots: ReadonlySet<string>,
): string | undefined {
  if (event.user === self.botUserId || (event.bot_id && event.bot_id === self.botId)) return 'own_message';
  const allowed = [event.bot_id, event.user].some((sender) => sender && allowedBots.has(sender));
  const fromBot = Boolean(event.bot_id) || event.subtype === 'bot_message' || event.user === 'USLACKBOT';
  if (fromBot && !allowed) return 'bot';
  if (event.edited) return 'edit';
  if (event.subtype && !SPOKEN.has(event.subtype) && !(allowed && event.subtype === 'bot_message')) {
    return 'subtype';
  }
  if (!event.user && !event.bot_id) return 'no_sender';
  if (!event.text?.trim()) return 'no_text';
  return undefined;
}

function addressedMessage(event: MessageEvent, botUserId: string): Judged {
  const text = event.text ?? '';
  const isDirect = event.channel_type === 'im' || (!event.channel_type && event.channel.startsWith('D'));
  const threadTs = event.thread_ts ?? undefined;
  const isMention = event.type === 'app_mention' || mentions(text, botUserId);
  if (!isDirect && !isMention && threadTs === undefined) return { kind: 'ignored', reason: 'not_addressed' };
  return {
    kind: 'message',
    addressed: isDirect ? 'direct' : isMention ? 'mention' : 'thread',
    startedByAgent: event.parent_user_id === botUserId,
    channel: event.channel,
    user: event.user ?? event.bot_id ?? '',
    text,
    ts: event.ts,
    threadTs,
    isDirect,
    isAssistantThread: isDirect && threadTs !== undefined && Boolean(event.assistant_thread),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
