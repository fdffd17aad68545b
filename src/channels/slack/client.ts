import { LogLevel, WebClient } from '@slack/web-api';
import { CHANNEL_CALL_WITHIN_MS } from '../../domain/timing.ts';

/**
 * A Web API client that never repeats a call by itself: after a time-out it would post again (four posts
 * were seen). Temporal retries, and looks first. `apiUrl` may leave out the `/api` and the last slash.
 */
export function createSlackClient(options: { token: string; apiUrl: string }): WebClient {
  return new WebClient(options.token, {
    slackApiUrl: slackApiUrl(options.apiUrl),
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
    timeout: CHANNEL_CALL_WITHIN_MS,
    // Its messages may quote what was sent.
    logLevel: LogLevel.ERROR,
  });
}

/** The address of the Web API, ending in `/api/`. */
export function slackApiUrl(given: string): string {
  const trimmed = given.replace(/\/+$/, '');
  return trimmed.endsWith('/api') ? `${trimmed}/` : `${trimmed}/api/`;
}
