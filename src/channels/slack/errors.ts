import {
  WebAPIHTTPError,
  WebAPIPlatformError,
  WebAPIRateLimitedError,
  WebAPIRequestError,
} from '@slack/web-api';
import { LONGEST_ASKED_WAIT_MS } from '../../domain/timing.ts';
import { ChannelError } from '../channel.ts';

/** How a call of Slack's Web API failed. */
type SlackTrouble =
  /** 429: not before `retryAfterMs`, within `LONGEST_ASKED_WAIT_MS`. */
  | { kind: 'rate-limited'; retryAfterMs: number }
  /** Slack says no, and will say so again; `code` is its word for why. */
  | { kind: 'refused'; code: string }
  /** Slack is in trouble or out of reach. The call may have been carried out all the same. */
  | { kind: 'unavailable'; reason: string };

/**
 * Platform errors that pass; every other one is an answer. Source:
 * docs.slack.dev/reference/methods/chat.postMessage.
 */
const PASSING = new Set([
  'internal_error',
  'fatal_error',
  'service_unavailable',
  'request_timeout',
  'ratelimited',
  'rate_limited',
  'team_added_to_org',
  'accesslimited',
  // The channel moves between workspaces.
  'external_channel_migrating',
]);
const DEFAULT_RETRY_AFTER_MS = 5_000;

/** What an error of the client means; undefined for one that isn't Slack's. */
export function slackTrouble(error: unknown): SlackTrouble | undefined {
  if (error instanceof WebAPIRateLimitedError) {
    const retryAfterMs = Math.min(Math.max(1, error.retryAfter) * 1000, LONGEST_ASKED_WAIT_MS);
    return { kind: 'rate-limited', retryAfterMs };
  }
  if (error instanceof WebAPIPlatformError) {
    const code = error.data.error;
    if (/^rate_?limited$/.test(code)) return { kind: 'rate-limited', retryAfterMs: DEFAULT_RETRY_AFTER_MS };
    return PASSING.has(code) ? { kind: 'unavailable', reason: code } : { kind: 'refused', code };
  }
  if (error instanceof WebAPIHTTPError) return { kind: 'unavailable', reason: `HTTP ${error.statusCode}` };
  if (error instanceof WebAPIRequestError) return { kind: 'unavailable', reason: error.original.message };
  return undefined;
}

/** A failed call of Slack as the rest of Konstruct sees it. Others pass as they are. */
export function toChannelError(error: unknown): unknown {
  const trouble = slackTrouble(error);
  switch (trouble?.kind) {
    case undefined:
      return error;
    case 'rate-limited': {
      const { retryAfterMs } = trouble;
      return new ChannelError('rate-limited', `Slack asks to wait for ${retryAfterMs / 1000} s`, {
        retryAfterMs,
      });
    }
    case 'refused':
      return new ChannelError('refused', `Slack refuses: ${trouble.code}`);
    case 'unavailable':
      return new ChannelError('unavailable', `Slack is unavailable: ${trouble.reason}`);
  }
}

/** What `work` gives; what it fails of, as the rest of Konstruct sees it. */
export async function speaking<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toChannelError(error);
  }
}
