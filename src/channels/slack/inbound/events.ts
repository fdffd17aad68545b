/** Slack's events, read and judged. Pure. Source: docs.slack.dev/reference/events. */
import { z } from 'zod';
import { apart } from '../../../lib/apart.ts';
import { opensWithAnother } from './addressing.ts';
import { isLoose, textOf, type Loose } from './loose.ts';
import {
  changedEvent,
  isNamedIn,
  messageEvent,
  saysNothing,
  slackId,
  slackTimestamp,
  SPOKEN,
  wordsOfMessage,
  type MessageEvent,
  type MessageWords,
} from './message-event.ts';

const authorization = z.object({
  team_id: slackId.nullish(),
  enterprise_id: slackId.nullish(),
  is_enterprise_install: z.boolean().nullish(),
});

const envelope = z.object({
  type: z.string(),
  challenge: z.string().optional(),
  team_id: slackId.nullish(),
  enterprise_id: slackId.nullish(),
  context_team_id: slackId.nullish(),
  event_time: z.number().int().nonnegative().nullish(),
  is_ext_shared_channel: z.boolean().nullish(),
  authorizations: z.array(authorization).nullish(),
  event: z.unknown().optional(),
});

const assistantThreadEvent = z.object({
  type: z.literal('assistant_thread_started'),
  assistant_thread: z.object({
    user_id: slackId.nullish(),
    channel_id: slackId,
    thread_ts: slackTimestamp,
  }),
});

/** Source: docs.slack.dev/reference/events/app_home_opened. */
const homeOpenedEvent = z.object({
  type: z.literal('app_home_opened'),
  user: slackId,
  channel: slackId,
  tab: z.string().nullish(),
});

/** Source: docs.slack.dev/reference/events/agent_session_stopped. */
const stoppedEvent = z.object({
  type: z.literal('agent_session_stopped'),
  channel: slackId,
  thread_ts: slackTimestamp,
  event_ts: slackTimestamp,
});

/** Whose installation an event came through. */
export type Workspace = {
  teamId: string | undefined;
  /** The organisation (Enterprise Grid) that the workspace is part of. */
  enterpriseId: string | undefined;
  /** What the app is installed in; `either` when Slack leaves it open. */
  installedIn: 'workspace' | 'organisation' | 'either';
  /** Whether people of other companies are in the channel (Slack Connect). */
  isShared: boolean;
};

/** What a request to `/slack/events` holds. */
type SlackRequest = { kind: 'challenge'; challenge: string } | SlackEvent | { kind: 'other'; type: string };

export type SlackEvent = {
  kind: 'event';
  workspace: Workspace;
  /** What Slack names by itself: the end of an installation is the end of this one. */
  named: 'workspace' | 'organisation';
  event: unknown;
  /** When it happened, in seconds, where Slack says so. */
  at: number | undefined;
};

/** Reads what Slack has sent; undefined when it is nothing that Slack sends. */
export function readRequest(sent: unknown): SlackRequest | undefined {
  const read = envelope.safeParse(sent);
  if (!read.success) return undefined;
  const { type, challenge, event, event_time: at } = read.data;
  if (type === 'url_verification' && challenge !== undefined) return { kind: 'challenge', challenge };
  if (type !== 'event_callback') return { kind: 'other', type };
  const { data } = read;
  return { kind: 'event', workspace: workspaceOf(data), named: namedIn(data), event, at: at ?? undefined };
}

/** Slack tells of an end without `authorizations`: docs.slack.dev/reference/events/app_uninstalled. */
function namedIn({ authorizations, team_id }: z.output<typeof envelope>): SlackEvent['named'] {
  const installed = authorizations?.[0];
  if (installed?.is_enterprise_install) return 'organisation';
  const team = installed?.team_id || installed?.enterprise_id ? installed.team_id : team_id;
  return team ? 'workspace' : 'organisation';
}

/**
 * In a channel that two companies share, `team_id` may be the other's: `authorizations` names the one that
 * has the app, and then nothing else does. An organisation's installation has no workspace of its own; the
 * one that the event came through is `context_team_id`.
 */
function workspaceOf(read: z.output<typeof envelope>): Workspace {
  const isShared = read.is_ext_shared_channel === true;
  const installed = read.authorizations?.[0];
  if (!installed?.team_id && !installed?.enterprise_id) {
    const teamId = read.team_id ?? undefined;
    const enterpriseId = read.enterprise_id ?? undefined;
    return { teamId, enterpriseId, installedIn: 'either', isShared };
  }
  // What the envelope says beside it is ours as long as nobody else is in the channel.
  const around = isShared ? undefined : read;
  const organisation = installed.team_id === around?.team_id ? around?.enterprise_id : undefined;
  return {
    teamId: installed.team_id ?? read.context_team_id ?? around?.team_id ?? undefined,
    enterpriseId: installed.enterprise_id ?? organisation ?? undefined,
    installedIn: !installed.team_id
      ? 'organisation'
      : installed.is_enterprise_install === false
        ? 'workspace'
        : 'either',
    isShared,
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
  /** The workspace or organisation of the sender, where Slack says it. */
  userTeam: string | undefined;
  words: MessageWords;
  ts: string;
  /** Undefined outside of a thread. */
  threadTs: string | undefined;
  isDirect: boolean;
  isAssistantThread: boolean;
};

type Ignored = { kind: 'ignored'; reason: string };
export type Judged = SlackMessage | Opening | Stop | Ignored;

/** Somebody opens a conversation with the agent: its thread, in apps of the older kind. */
export type Opening = {
  kind: 'opening';
  /** The Home tab, or the conversation. */
  tab: 'home' | 'messages';
  channel: string;
  user: string;
  threadTs: string | undefined;
};

/** Somebody stops what is being answered in a thread. */
export type Stop = { kind: 'stop'; channel: string; threadTs: string; at: string };

/** The agent's bot in a workspace, and whether the channel is shared with other companies (Slack Connect). */
export type Self = { botUserId: string; botId: string | undefined; isShared?: boolean };

const ignored = (reason: string): Ignored => ({ kind: 'ignored', reason });

/**
 * The same apart from the thread that everybody shares. Of an event that can't be read in time the beginning
 * of its text alone is judged.
 */
export const judgeEventApart = apart(import.meta.url, judgeEvent, (event, ...asked) =>
  judgeEvent(beginningOf(event), ...asked),
);

/** As much of a text as people type. */
const BEGINNING = 4_000;

function beginningOf(event: unknown): unknown {
  const cut = ({ text, blocks: _b, attachments: _a, files: _f, ...others }: Loose): Loose => ({
    ...others,
    text: textOf(text).slice(0, BEGINNING),
  });
  if (!isLoose(event)) return event;
  const { message, previous_message: previous } = event;
  return {
    ...cut(event),
    ...(isLoose(message) && { message: cut(message) }),
    ...(isLoose(previous) && { previous_message: cut(previous) }),
  };
}

/**
 * Judges an event by itself, for the agent whose bot it is. `allowedBots` are ids of other bots that may
 * speak.
 */
export function judgeEvent(event: unknown, self: Self, allowedBots: ReadonlySet<string>): Judged {
  const opening = openingIn(event);
  if (opening) return opening;
  const stopped = stoppedEvent.safeParse(event);
  if (stopped.success) {
    const { channel, thread_ts: threadTs, event_ts: at } = stopped.data;
    return { kind: 'stop', channel, threadTs, at };
  }
  const changed = changedEvent.safeParse(event);
  if (changed.success) return judgeEdit(changed.data, self, allowedBots);
  const read = messageEvent.safeParse(event);
  return read.success ? judgeMessage(read.data, self, allowedBots) : ignored('other_event');
}

function openingIn(event: unknown): Opening | undefined {
  const started = assistantThreadEvent.safeParse(event);
  if (started.success) {
    const { user_id: user, channel_id: channel, thread_ts: threadTs } = started.data.assistant_thread;
    return { kind: 'opening', tab: 'messages', channel, user: user ?? '', threadTs };
  }
  const { data: opened } = homeOpenedEvent.safeParse(event);
  const tab = opened?.tab;
  if (!opened || (tab !== 'messages' && tab !== 'home')) return undefined;
  return { kind: 'opening', tab, channel: opened.channel, user: opened.user, threadTs: undefined };
}

/**
 * An edit is answered when it adds the agent's mention: what was answered before has its place in the ledger
 * already, and a changed text without a changed mention (or a link's preview) asks for nothing. Source:
 * docs.slack.dev/reference/events/message/message_changed.
 */
function judgeEdit(
  changed: z.output<typeof changedEvent>,
  self: Self,
  allowedBots: ReadonlySet<string>,
): Judged {
  const { message, previous_message: previous, channel, channel_type } = changed;
  const read = messageEvent.safeParse({ ...message, type: 'message', channel, channel_type });
  if (!read.success) return ignored('subtype');
  const before = messageEvent.safeParse({ ...previous, ts: read.data.ts, type: 'message', channel });
  // Where Slack doesn't say how it read before, only what a person edited may have added something.
  const wasNamed = previous ? before.success && isNamedIn(before.data, self.botUserId) : !read.data.edited;
  if (isEditedLate(read.data)) return ignored('edit');
  const judged = judgeMessage({ ...read.data, edited: undefined }, self, allowedBots);
  if (judged.kind === 'ignored' && ['own_message', 'bot', 'subtype'].includes(judged.reason)) return judged;
  const isAdded = isNamedIn(read.data, self.botUserId) && !wasNamed;
  return isAdded && judged.kind === 'message' && !judged.isDirect ? judged : ignored('edit');
}

function judgeMessage(event: MessageEvent, self: Self, allowedBots: ReadonlySet<string>): Judged {
  const reason = whyNotSpoken(event, self, allowedBots);
  if (reason !== undefined) return ignored(reason);
  const words = wordsOfMessage(event);
  if (saysNothing(words)) return ignored('no_text');
  return addressedMessage(event, words, self);
}

function whyNotSpoken(event: MessageEvent, self: Self, allowedBots: ReadonlySet<string>): string | undefined {
  if (event.user === self.botUserId || (event.bot_id && event.bot_id === self.botId)) return 'own_message';
  const allowed = [event.bot_id, event.user].some((sender) => sender && allowedBots.has(sender));
  const fromBot = Boolean(event.bot_id) || event.subtype === 'bot_message' || event.user === 'USLACKBOT';
  if (fromBot && !allowed) return 'bot';
  // Slack sends an `app_mention` for an edit too, whether or not the edit added it: the ledger knows whether
  // the message was taken before. Source: slack-go/slack#1256.
  if (event.edited && (event.type !== 'app_mention' || isEditedLate(event))) return 'edit';
  if (event.subtype && !SPOKEN.has(event.subtype) && !(allowed && event.subtype === 'bot_message')) {
    return 'subtype';
  }
  if (event.hidden) return 'hidden';
  if (!event.user && !event.bot_id) return 'no_sender';
  return undefined;
}

/** What the ledger knows of every message, whatever a company keeps (migrations/0031): seconds. */
const REMEMBERED_SECONDS = 9 * 24 * 60 * 60;

/** Whether a message was edited so late that nobody knows any more whether it was taken before. */
const isEditedLate = ({ ts, edited }: MessageEvent): boolean =>
  Number(edited?.ts ?? ts) - Number(ts) > REMEMBERED_SECONDS;

function addressedMessage(
  event: MessageEvent,
  words: MessageWords,
  { botUserId, isShared = false }: Self,
): Judged {
  // Slack names its kind `im`, `app_home` or not at all; what tells is the id.
  const isDirect = event.channel_type === 'im' || event.channel.startsWith('D');
  const threadTs = event.thread_ts ?? undefined;
  // Slack's word counts where the text doesn't show why it said so. In a channel where several companies have
  // the app, Slack gives an event to one of them, whichever bot it mentions (slackapi/bolt-js#2008).
  const isAnnounced = event.type === 'app_mention' && !words.own.includes(`@${botUserId}`);
  const isMention = (isAnnounced && !isShared) || isNamedIn(event, botUserId);
  if (isAnnounced && isShared && !isMention) return ignored('addressed_to_other');
  if (!isDirect && !isMention) {
    if (threadTs === undefined) return ignored('not_addressed');
    if (opensWithAnother(words.own, botUserId)) return ignored('addressed_to_other');
  }
  return {
    kind: 'message',
    addressed: isDirect ? 'direct' : isMention ? 'mention' : 'thread',
    startedByAgent: event.parent_user_id === botUserId,
    channel: event.channel,
    user: event.user ?? event.bot_id ?? '',
    userTeam: event.user_team ?? event.source_team ?? event.team ?? teamInFiles(event, words),
    words,
    ts: event.ts,
    threadTs,
    isDirect,
    isAssistantThread: isDirect && threadTs !== undefined && Boolean(event.assistant_thread),
  };
}

/** Messages with files lack the sender's team; the files have it. Source: slackapi/slack-api-specs#62. */
function teamInFiles({ user }: MessageEvent, { files }: MessageWords): string | undefined {
  return files.find((file) => file.user === user && file.userTeam !== '')?.userTeam;
}
