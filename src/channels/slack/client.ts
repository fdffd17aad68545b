import { LogLevel, WebAPIRequestError, WebClient } from '@slack/web-api';
import { CHANNEL_CALL_WITHIN_MS } from '../../domain/timing.ts';
import { isTextWithin } from '../../lib/json-size.ts';
import { bytesOf } from './bounded-body.ts';
import { readPage } from './pages.ts';

/**
 * What is read of one answer. A page of a thread holds up to 999 messages, and people decide how long each
 * is; most are 1 to 2 kB. Of any other answer, nobody decides how many values it holds.
 */
export const MAX_ANSWER_BYTES = 4_000_000;
const MOST_VALUES = 60_000;
const MOST_DEPTH = 100;
/** The library takes the square of a key's length. */
const MAX_NAME_LENGTH = 200;

/** Methods that answer with pages of messages. */
const PAGES = new Set(['conversations.replies', 'conversations.history']);
/** Whoever asked for a page waits no longer for it to be read. */
const PAGE_READ_WITHIN_MS = 5_000;

class AnswerTooLongError extends Error {}

/** Whether a call failed since its answer was longer than is read: a shorter one may be asked for. */
export function isAnswerTooLong(error: unknown): boolean {
  return error instanceof WebAPIRequestError && error.original instanceof AnswerTooLongError;
}

/**
 * A Web API client that never repeats a call by itself: after a time-out it would post again (four posts
 * were seen). Temporal retries, and looks first. A call whose answer is too long fails as one that Slack
 * didn't answer. `apiUrl` may leave out the `/api` and the last slash; `tenantId` is whose share it takes to
 * read long answers.
 */
export function createSlackClient(options: { token: string; apiUrl: string; tenantId?: string }): WebClient {
  return new WebClient(options.token, {
    ...slackClientOptions(options.apiUrl, options.tenantId),
    // Its messages may quote what was sent.
    logLevel: LogLevel.ERROR,
  });
}

/** How every client of ours speaks to the Web API. */
export function slackClientOptions(apiUrl: string, tenantId = '') {
  return {
    slackApiUrl: slackApiUrl(apiUrl),
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
    timeout: CHANNEL_CALL_WITHIN_MS,
    fetch: (...request: Parameters<typeof fetch>) => fetchBounded(tenantId, ...request),
  };
}

/** Like `fetch`; resolves when the answer has been read, a page as `pages.ts` keeps it. */
async function fetchBounded(tenantId: string, ...request: Parameters<typeof fetch>): Promise<Response> {
  const response = await fetch(...request);
  const bytes = await bytesOf(response, MAX_ANSWER_BYTES);
  if (!bytes) throw new AnswerTooLongError(`the answer is longer than ${MAX_ANSWER_BYTES} bytes`);
  const body =
    PAGES.has(methodOf(request[0])) && bytes.length > 0 ? await keptOfPage(tenantId, bytes) : bytes;
  if (body === bytes && !isTextWithin(bytes.toString('latin1'), MOST_VALUES, MOST_DEPTH, MAX_NAME_LENGTH))
    throw new AnswerTooLongError(`the answer holds more than ${MOST_VALUES} values`);
  const { status, statusText, headers } = response;
  return new Response(body.length > 0 ? body : null, { status, statusText, headers });
}

const methodOf = (url: Parameters<typeof fetch>[0]): string =>
  new URL(url instanceof Request ? url.url : url).pathname.split('/').at(-1) ?? '';

async function keptOfPage(tenantId: string, bytes: Uint8Array): Promise<string> {
  const signal = AbortSignal.timeout(PAGE_READ_WITHIN_MS);
  const page = await readPage({ tenantId, userId: '', signal }, bytes);
  if (page === undefined) throw new AnswerTooLongError('the page holds more than is read');
  return page;
}

/** The address of the Web API, ending in `/api/`. */
export function slackApiUrl(given: string): string {
  const trimmed = given.replace(/\/+$/, '');
  return trimmed.endsWith('/api') ? `${trimmed}/` : `${trimmed}/api/`;
}
