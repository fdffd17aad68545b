/** A message of Slack's, in an event or in a history, and what it says in all its parts. Pure. */
import { z } from 'zod';
import { attachmentsRaw, filesOfAttachments } from './attachments-text.ts';
import { blocksRaw } from './blocks-text.ts';
import { filesOf, filesRaw, type SlackFile } from './files.ts';
import { MAX_RAW_LENGTH, mentions } from './inbound-text.ts';
import { joinLines, looseList } from './loose.ts';
import { withoutRepeats } from './without-repeats.ts';

export const slackId = z.string().regex(/^[\w-]{1,60}$/);
export const slackTimestamp = z.string().regex(/^\d{1,20}(?:\.\d{1,20})?$/);

/** The fields that say who said what; the parts are read by what they hold. */
const spoken = {
  subtype: z.string().nullish(),
  user: slackId.nullish(),
  bot_id: slackId.nullish(),
  text: z.string().nullish(),
  blocks: z.unknown().optional(),
  attachments: z.unknown().optional(),
  files: z.unknown().optional(),
  ts: slackTimestamp,
  thread_ts: slackTimestamp.nullish(),
  parent_user_id: slackId.nullish(),
  /** The workspace or organisation of the sender: docs.slack.dev/apis/slack-connect. */
  user_team: slackId.nullish(),
  source_team: slackId.nullish(),
  team: slackId.nullish(),
  edited: z
    .looseObject({ ts: slackTimestamp.nullish().catch(undefined) })
    .nullish()
    .catch({}),
  hidden: z.boolean().nullish(),
  assistant_thread: z.unknown().optional(),
};

export const messageEvent = z.object({
  type: z.enum(['message', 'app_mention']),
  channel: slackId,
  channel_type: z.string().nullish(),
  ...spoken,
});
export type MessageEvent = z.output<typeof messageEvent>;

/** A message in the history of a thread. */
export const threadMessage = z.object({
  ...spoken,
  username: z.string().nullish(),
  bot_profile: z.object({ name: z.string().nullish() }).nullish(),
});
export type ThreadMessage = z.output<typeof threadMessage>;

/** `message_changed`: the message as it reads now, and as it read before. */
export const changedEvent = z.object({
  type: z.literal('message'),
  subtype: z.literal('message_changed'),
  channel: slackId,
  channel_type: z.string().nullish(),
  message: z.looseObject({}),
  previous_message: z.looseObject({}).nullish(),
});

/** Subtypes in which somebody says something; all others tell of edits, joins, topics and the like. */
export const SPOKEN: ReadonlySet<string> = new Set(['file_share', 'thread_broadcast', 'me_message']);

/** What a message says, in Slack's notation. */
export type MessageWords = {
  /** What its sender wrote: the text, and what the blocks say beyond it. */
  own: string;
  /** What hangs on it: forwards, attachments. */
  attached: string;
  files: SlackFile[];
};

/** What Slack writes where an app gave no text for its blocks. */
const NO_TEXTS = new Set(["This content can't be displayed.", 'This message contains interactive elements.']);

type Parts = Pick<MessageEvent, 'text' | 'blocks' | 'attachments' | 'files'>;

export function wordsOfMessage({ text, blocks, attachments, files }: Parts): MessageWords {
  const typed = (text ?? '').slice(0, MAX_RAW_LENGTH);
  const written = NO_TEXTS.has(typed.trim()) ? '' : typed;
  return {
    // Cut before anything is compared: all in all a message is read no further than that.
    own: withoutRepeats(written, blocksRaw(blocks).slice(0, MAX_RAW_LENGTH)) || typed,
    attached: attachmentsRaw(attachments).slice(0, MAX_RAW_LENGTH),
    files: filesOf([...looseList(files), ...filesOfAttachments(attachments)]),
  };
}

/**
 * Whether a message itself mentions a user, not something that hangs on it. Code that only shows a mention
 * doesn't, although Slack announces it as one. Source: vercel/chat#947.
 */
export function isNamedIn({ text, blocks }: Parts, userId: string): boolean {
  return mentions(text ?? '', userId) || mentions(blocksRaw(blocks), userId);
}

/** Whether none of its parts holds a word. */
export function saysNothing({ own, attached, files }: MessageWords): boolean {
  return own.trim() === '' && attached.trim() === '' && files.length === 0;
}

const NOTHING_FETCHED: ReadonlyMap<string, string> = new Map();

/** All parts as one text in Slack's notation; `contents` of files by their ids, where they were fetched. */
export function rawOf({ own, attached, files }: MessageWords, contents = NOTHING_FETCHED): string {
  return joinLines([own, attached, filesRaw(files, contents)], '\n\n');
}
