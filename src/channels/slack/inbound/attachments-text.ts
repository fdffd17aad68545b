/**
 * What hangs on a message: messages that were forwarded or linked, and the attachments by which apps wrote
 * before there were blocks. In Slack's notation. Pure. Sources:
 * docs.slack.dev/legacy/legacy-messaging/legacy-secondary-message-attachments; forwards:
 * openclaw/openclaw#9963, ColeMurray/background-agents#1146, NousResearch/hermes-agent#96384.
 */
import { blocksRaw, dateOf, quoteRaw } from './blocks-text.ts';
import { escapeText, MAX_RAW_LENGTH } from './inbound-text.ts';
import { withoutRepeats } from './without-repeats.ts';
import { firstText, joinLines, looseList, looseOf, textOf, type Loose } from './loose.ts';
import { plainName } from './plain-name.ts';

const MAX_ATTACHMENTS = 20;
/** The description of a linked page is no part of what somebody says, but says what the link is. */
const MAX_PREVIEW_LENGTH = 500;
/** Of one attachment, in UTF-16 units of Slack's notation. */
const MAX_ATTACHMENT_LENGTH = 40_000;

/** How much of the attachments is still read, in UTF-16 units. */
type Room = { left: number };

/** Each attachment as a text of its own; all in all, no more is read than is kept of a message. */
export function attachmentsRaw(attachments: unknown): string {
  const room: Room = { left: MAX_RAW_LENGTH };
  const texts: string[] = [];
  for (const attachment of looseList(attachments).slice(0, MAX_ATTACHMENTS)) {
    if (room.left <= 0) break;
    texts.push(isSharedMessage(attachment) ? sharedRaw(attachment, room) : writtenRaw(attachment, room));
  }
  return joinLines(texts, '\n\n');
}

/** Cut before they are compared, which costs more than all else. */
function saidIn(text: string, blocks: string, room: Room): string {
  const most = Math.min(MAX_ATTACHMENT_LENGTH, room.left);
  room.left -= Math.min(most, Math.max(text.length, blocks.length));
  return withoutRepeats(text.slice(0, most), blocks.slice(0, most));
}

/** The files that forwarded messages bring along: they stand in the attachment, not beside it. */
export function filesOfAttachments(attachments: unknown): Loose[] {
  return looseList(attachments)
    .slice(0, MAX_ATTACHMENTS)
    .flatMap((attachment) => [
      ...looseList(attachment['files']),
      ...looseList(attachment['message_blocks']).flatMap(({ message }) =>
        looseList(looseOf(message)['files']),
      ),
    ]);
}

function isSharedMessage(attachment: Loose): boolean {
  return (
    attachment['is_share'] === true ||
    attachment['is_msg_unfurl'] === true ||
    attachment['is_reply_unfurl'] === true ||
    Array.isArray(attachment['message_blocks'])
  );
}

function sharedRaw(attachment: Loose, room: Room): string {
  const blocks = looseList(attachment['message_blocks']).map(({ message }) =>
    blocksRaw(looseOf(message)['blocks']),
  );
  const said = saidIn(textOf(attachment['text']), joinLines(blocks), room);
  const words = said || (attachment['files'] ? '' : textOf(attachment['fallback']));
  // A pasted link to a message is unfurled with the same fields; only a forward says `is_share`.
  const kind = attachment['is_share'] === true ? 'forwarded' : 'linked';
  const author =
    escapeText(plainName(firstText(attachment['author_name'], attachment['author_subname']))) ||
    (textOf(attachment['author_id']) && `<@${plainName(textOf(attachment['author_id']))}>`);
  const channel = plainName(textOf(attachment['channel_name']));
  const at = attachment['ts'] === undefined ? '' : dateOf(attachment['ts']);
  const header = [
    `[${kind} message`,
    author && ` from ${author}`,
    channel && ` in #${escapeText(channel)}`,
    at && `, ${at}`,
    ']',
  ];
  return joinLines([header.join(''), words && quoteRaw(words)]);
}

function writtenRaw(attachment: Loose, room: Room): string {
  const title = textOf(attachment['title']);
  const link = textOf(attachment['title_link']);
  const fields = looseList(attachment['fields']).map((field) =>
    joinLines([textOf(field['title']), textOf(field['value'])], ': '),
  );
  const body = joinLines([
    textOf(attachment['pretext']),
    textOf(attachment['author_name']),
    link && title ? `${title} (${escapeText(link)})` : title,
    textOf(attachment['text']),
    ...fields,
  ]);
  const raw =
    saidIn(body, blocksRaw(attachment['blocks']), room) ||
    firstText(attachment['fallback'], looseOf(attachment['image'])['alt_text']);
  const isPreview = Boolean(attachment['from_url'] ?? attachment['original_url']);
  return isPreview && raw ? `[preview of the link]\n${quoteRaw(raw.slice(0, MAX_PREVIEW_LENGTH))}` : raw;
}
