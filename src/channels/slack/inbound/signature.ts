import { verifySlackRequest } from '@slack/bolt';

const TOLERANCE_SECONDS = 5 * 60;

/** Whether the headers of a request can be Slack's, and are of now: what its body is not needed for. */
export function isSignedNow(
  { timestamp, signature }: { timestamp: string | undefined; signature: string | undefined },
  nowMs: number = Date.now(),
): boolean {
  if (!timestamp || !signature || !/^\d{1,12}$/.test(timestamp)) return false;
  return Math.abs(nowMs / 1000 - Number(timestamp)) <= TOLERANCE_SECONDS;
}

/**
 * Whether a request comes from Slack and was made within five minutes of now. The library checks the
 * signature; it accepts timestamps an hour in the future and throws a TypeError on a missing header, so
 * both are looked at first. Source: docs.slack.dev/authentication/verifying-requests-from-slack.
 */
export function isFromSlack(
  request: { timestamp: string | undefined; signature: string | undefined; body: string },
  signingSecret: string,
  nowMs: number = Date.now(),
): boolean {
  const { timestamp, signature = '', body } = request;
  if (!isSignedNow(request, nowMs)) return false;
  try {
    verifySlackRequest({
      signingSecret,
      body,
      headers: { 'x-slack-signature': signature, 'x-slack-request-timestamp': Number(timestamp) },
      nowMilliseconds: nowMs,
    });
    return true;
  } catch {
    return false;
  }
}
