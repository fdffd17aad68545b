/**
 * Files of a message, as the model reads them: named always, quoted where they hold text. Pure; fetching is
 * file-contents.ts. Source: docs.slack.dev/reference/objects/file-object; files of Slack Connect:
 * docs.slack.dev/reference/events/message/file_share.
 */
import { escapeText } from './inbound-text.ts';
import { firstText, joinLines, looseList, looseOf, textOf, type Loose } from './loose.ts';
import { plainName } from './plain-name.ts';

/** A larger text file is named, not read. */
export const MAX_FILE_BYTES = 200_000;
/** What the model reads of one file, and of all files of a message, in UTF-16 units. */
const MAX_FILE_LENGTH = 20_000;
const MAX_FILES_LENGTH = 24_000;
/** A message has ten files at most, forwards have more. */
const MAX_FILES = 20;

export type SlackFile = {
  id: string;
  name: string;
  /** As Slack names it to people: "PDF", "Plain Text". */
  type: string;
  sizeBytes: number | undefined;
  /** Whoever put it into Slack. */
  user: string;
  userTeam: string;
  url: string;
  /** Whether its bytes are text. */
  isText: boolean;
  /** Slack keeps the details back: `files.info` has them. */
  isStub: boolean;
  isGone: boolean;
  /** Slack is still writing down what is said in it: `files.info` may have it by now. */
  isListening: boolean;
  /** What Slack itself read of it: the beginning of a text, a transcript, a description. */
  known: { what: 'beginning' | 'transcript' | 'description'; text: string; isWhole: boolean } | undefined;
};

export function filesOf(files: unknown): SlackFile[] {
  const read = looseList(files).flatMap((file) => fileOf(file) ?? []);
  return [...new Map(read.map((file) => [file.id, file])).values()].slice(0, MAX_FILES);
}

export function fileOf(file: Loose): SlackFile | undefined {
  const mode = textOf(file['mode']);
  const access = textOf(file['file_access']);
  const id = firstText(file['id'], file['name']);
  // Slack never sends less than this of a file; an id alone tells nobody anything.
  if (!id || !firstText(file['name'], file['title'], mode, access)) return undefined;
  const { size } = file;
  const url = firstText(file['url_private_download'], file['url_private']);
  const hasText = isText(file, mode);
  return {
    id,
    name: plainName(firstText(file['name'], file['title'])),
    type: plainName(firstText(file['pretty_type'], file['mimetype'], file['filetype'])),
    sizeBytes: typeof size === 'number' && size >= 0 ? size : undefined,
    user: textOf(file['user']),
    userTeam: textOf(file['user_team']),
    url,
    isText: hasText,
    isStub:
      access === 'check_file_info' ||
      (mode === 'file_access' && access === '') ||
      (hasText && url === '' && mode !== 'tombstone'),
    isGone: ['tombstone', 'hidden_by_limit'].includes(mode) || access === 'file_not_found',
    isListening: ['processing', 'pending'].includes(textOf(looseOf(file['transcription'])['status'])),
    known: knownOf(file),
  };
}

const TEXT_TYPES = new Set([
  'json',
  'xml',
  'yaml',
  'x-yaml',
  'javascript',
  'x-sh',
  'sql',
  'toml',
  'x-ndjson',
]);

function isText(file: Loose, mode: string): boolean {
  if (mode === 'snippet') return true;
  // Held by somebody else, or in a form of Slack's own (canvases, lists): the address gives a page.
  if (
    file['is_external'] === true ||
    ['external', 'quip', 'canvas', 'list', 'space', 'docs'].includes(mode)
  ) {
    return false;
  }
  const [kind = '', rest = ''] = textOf(file['mimetype']).toLowerCase().split(';', 1)[0]?.split('/') ?? [];
  if (kind === 'text') return rest !== 'rtf';
  const lastPart = rest.split('+').at(-1) ?? '';
  return kind === 'application' && (TEXT_TYPES.has(rest) || TEXT_TYPES.has(lastPart));
}

/** Slack's own reading of a file: no call is needed for it. */
function knownOf(file: Loose): SlackFile['known'] {
  const transcription = looseOf(file['transcription']);
  const preview = looseOf(transcription['preview']);
  const spoken = firstText(preview['content'], transcription['text'], file['vtt_text']);
  if (spoken) return { what: 'transcript', text: spoken, isWhole: preview['has_more'] !== true };
  const mail = firstText(file['plain_text'], file['preview_plain_text']);
  const isCut = file['preview_is_truncated'] === true || Number(file['lines_more']) > 0;
  if (mail) {
    const subject = firstText(file['subject'], file['title']);
    return { what: 'beginning', text: joinLines([subject, mail], '\n\n'), isWhole: !isCut };
  }
  const beginning = textOf(file['preview']);
  // Some previews are pages.
  if (beginning && !beginning.trimStart().startsWith('<')) {
    return { what: 'beginning', text: beginning, isWhole: !isCut };
  }
  const description = textOf(file['alt_txt']);
  return description ? { what: 'description', text: description, isWhole: true } : undefined;
}

/** Whether fetching a file would give the model more to read. */
export function isWorthFetching({ isGone, isText, url, sizeBytes, isStub, isListening }: SlackFile): boolean {
  return !isGone && (isStub || isListening || (isText && url !== '' && (sizeBytes ?? 0) <= MAX_FILE_BYTES));
}

/** Files as text in Slack's notation; `contents` by file id, where they have been fetched. */
export function filesRaw(files: readonly SlackFile[], contents: ReadonlyMap<string, string>): string {
  let left = MAX_FILES_LENGTH;
  const texts = files.map((file) => {
    const read = readOf(file, contents.get(file.id));
    const length = Math.max(0, Math.min(read.text.length, MAX_FILE_LENGTH, left));
    left -= length;
    const isWhole = read.isWhole && length === read.text.length;
    const shown = read.text.slice(0, length).toWellFormed();
    const isEmpty = contents.get(file.id) === '';
    const unread = isEmpty ? 'it is empty' : whyUnread(file);
    const note = shown ? `${read.what}${isWhole ? '' : ', the rest is left out'}` : unread;
    const header = `[${nameOf(file)}: ${note}]`;
    return joinLines([header, shown && `\`\`\`\n${escapeText(shown)}\n\`\`\``]);
  });
  return joinLines(texts, '\n\n');
}

function readOf(
  file: SlackFile,
  content: string | undefined,
): { what: string; text: string; isWhole: boolean } {
  if (content !== undefined) return { what: 'its text', text: content, isWhole: true };
  const { known } = file;
  if (!known || file.isGone) return { what: '', text: '', isWhole: false };
  const what = { beginning: 'its text', transcript: 'its transcript', description: 'its description' };
  return { what: what[known.what], text: known.text, isWhole: known.isWhole };
}

/** "file: report.pdf (PDF, 2.1 MB), shared by <@U1>" */
function nameOf({ name, type, sizeBytes, user }: SlackFile): string {
  const about = [type, sizeBytes === undefined ? '' : sizeOf(sizeBytes)].filter(Boolean).join(', ');
  const by = user && `, shared by <@${plainName(user)}>`;
  return `file: ${escapeText(name || 'without a name')}${about && ` (${escapeText(about)})`}${by}`;
}

function whyUnread({ isGone, isText, isStub, isListening, sizeBytes }: SlackFile): string {
  if (isGone) return 'it has been deleted';
  if (isStub) return "can't be read: Slack keeps its details back";
  if (isListening) return "can't be read yet: Slack is still writing its transcript";
  if (!isText) return "can't be read";
  return (sizeBytes ?? 0) > MAX_FILE_BYTES ? "can't be read: it is too long" : "can't be read now";
}

function sizeOf(bytes: number): string {
  if (bytes < 1_000) return `${bytes} bytes`;
  return bytes < 1_000_000 ? `${Math.round(bytes / 1_000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}
