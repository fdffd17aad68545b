import type { WebClient } from '@slack/web-api';
import { within } from '../../../lib/within.ts';
import { bytesOf } from '../bounded-body.ts';
import { fileOf, isWorthFetching, MAX_FILE_BYTES, type SlackFile } from './files.ts';
import { looseOf } from './loose.ts';

/** More text files than this in one message are named, not read. */
const MAX_FETCHED = 5;
const MAX_REDIRECTS = 3;

/**
 * Reads the text files of a message, by `files.info` first where Slack keeps the details back (Slack
 * Connect) or still writes a transcript. Gives the files as far as they are known then, and the contents by
 * file id. What isn't read in time is left out. Never rejects. Needs the scope `files:read`.
 */
export async function fetchContents(
  client: WebClient,
  files: readonly SlackFile[],
  withinMs: number,
): Promise<{ files: SlackFile[]; contents: Map<string, string> }> {
  const known = new Map(files.map((file) => [file.id, file]));
  const contents = new Map<string, string>();
  const abort = new AbortController();
  const fetchOne = async (given: SlackFile): Promise<void> => {
    const file = given.isStub || given.isListening ? await detailsOf(client, given) : given;
    known.set(given.id, file);
    if (file.isStub || file.isListening || !isWorthFetching(file)) return;
    const content = await download(client, file, abort.signal);
    if (content !== undefined) contents.set(given.id, content);
  };
  const fetching = files
    .filter(isWorthFetching)
    .slice(0, withinMs > 0 ? MAX_FETCHED : 0)
    .map((file) => fetchOne(file).catch(() => undefined));
  if (fetching.length > 0) await within(withinMs, Promise.all(fetching)).catch(() => undefined);
  abort.abort();
  return { files: [...known.values()], contents: new Map(contents) };
}

async function detailsOf(client: WebClient, file: SlackFile): Promise<SlackFile> {
  const { file: details } = await client.files.info({ file: file.id });
  const read = fileOf(looseOf(details));
  return read ? { ...read, id: file.id } : file;
}

/** A file's text; undefined when it can't be had, is too long or isn't text. */
async function download(
  client: WebClient,
  file: SlackFile,
  signal: AbortSignal,
): Promise<string | undefined> {
  const url = addressOf(file.url, client.slackApiUrl);
  if (!url || !client.token) return undefined;
  const response = await follow(url, { token: client.token, slackApiUrl: client.slackApiUrl, signal });
  if (!response) return undefined;
  const type = response.headers.get('content-type') ?? '';
  // Without the scope, Slack answers with its sign-in page.
  const isPage = type.startsWith('text/html') && !/\.html?$/i.test(file.name);
  const bytes = response.ok && !isPage ? await bytesOf(response, MAX_FILE_BYTES) : undefined;
  if (!bytes) await response.body?.cancel().catch(() => undefined);
  return bytes && decode(bytes);
}

/** Slack may lead to where it keeps the file, and nobody anywhere else. Undefined where that is tried. */
async function follow(
  first: URL,
  { token, slackApiUrl, signal }: { token: string; slackApiUrl: string; signal: AbortSignal },
): Promise<Response | undefined> {
  const headers = { authorization: `Bearer ${token}` };
  let url: URL | undefined = first;
  for (let hops = 0; url && hops <= MAX_REDIRECTS; hops += 1) {
    const response: Response = await fetch(url, { headers, redirect: 'manual', signal });
    const location = response.headers.get('location');
    if (response.status < 300 || response.status >= 400 || location === null) return response;
    await response.body?.cancel().catch(() => undefined);
    url = URL.canParse(location, url.href)
      ? addressOf(new URL(location, url.href).href, slackApiUrl)
      : undefined;
  }
  return undefined;
}

/** The token goes to Slack's hosts alone, or to the one that the configuration names in their place. */
function addressOf(url: string, slackApiUrl: string): URL | undefined {
  if (!URL.canParse(url)) return undefined;
  const address = new URL(url);
  const { protocol, hostname } = new URL(slackApiUrl);
  const isSlacks = address.protocol === 'https:' && /(?:^|\.)slack\.com$/.test(address.hostname);
  return isSlacks || (address.protocol === protocol && address.hostname === hostname) ? address : undefined;
}

/** UTF-8, UTF-16 with its mark, else the old Western encoding; undefined for bytes that are no text. */
function decode(bytes: Buffer): string | undefined {
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe) return new TextDecoder('utf-16le').decode(bytes);
  if (first === 0xfe && second === 0xff) return new TextDecoder('utf-16be').decode(bytes);
  if (bytes.includes(0)) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder('windows-1252').decode(bytes);
  }
}
