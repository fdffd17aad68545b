import { LogLevel, WebAPIRequestError, WebClient } from '@slack/web-api';
import { CHANNEL_CALL_WITHIN_MS } from '../../domain/timing.ts';
import { isTextWithin } from '../../lib/json-size.ts';
import { bytesOf } from './bounded-body.ts';

/**
 * What is read of one answer. A page of a thread holds up to 999 messages, and people decide how long each
 * is; most are 1 to 2 kB.
 */
export const MAX_ANSWER_BYTES = 4_000_000;

/**
 * Objects, lists and values of it, and how deep they stand. A page as long as that has a value in ten bytes;
 * of brackets alone it would take half a second to parse.
 */
const MOST_VALUES = 400_000;
const MOST_DEPTH = 100;

class AnswerTooLongError extends Error {}

/** Whether a call failed since its answer was longer than is read: a shorter one may be asked for. */
export function isAnswerTooLong(error: unknown): boolean {
  return error instanceof WebAPIRequestError && error.original instanceof AnswerTooLongError;
}

/**
 * A Web API client that never repeats a call by itself: after a time-out it would post again (four posts
 * were seen). Temporal retries, and looks first. A call whose answer is too long fails as one that Slack
 * didn't answer. `apiUrl` may leave out the `/api` and the last slash.
 */
export function createSlackClient(options: { token: string; apiUrl: string }): WebClient {
  return new WebClient(options.token, {
    ...slackClientOptions(options.apiUrl),
    // Its messages may quote what was sent.
    logLevel: LogLevel.ERROR,
  });
}

/** How every client of ours speaks to the Web API. */
export function slackClientOptions(apiUrl: string) {
  return {
    slackApiUrl: slackApiUrl(apiUrl),
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
    timeout: CHANNEL_CALL_WITHIN_MS,
    fetch: fetchBounded,
  };
}

/** Like `fetch`; resolves when the answer has been read. */
async function fetchBounded(...request: Parameters<typeof fetch>): Promise<Response> {
  const response = await fetch(...request);
  const body = await bytesOf(response, MAX_ANSWER_BYTES);
  if (!body) throw new AnswerTooLongError(`the answer is longer than ${MAX_ANSWER_BYTES} bytes`);
  if (!isTextWithin(body.toString('latin1'), MOST_VALUES, MOST_DEPTH))
    throw new AnswerTooLongError(`the answer holds more than ${MOST_VALUES} values`);
  const { status, statusText, headers } = response;
  return new Response(body.length > 0 ? body : null, { status, statusText, headers });
}

/** The address of the Web API, ending in `/api/`. */
export function slackApiUrl(given: string): string {
  const trimmed = given.replace(/\/+$/, '');
  return trimmed.endsWith('/api') ? `${trimmed}/` : `${trimmed}/api/`;
}
