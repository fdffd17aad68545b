import { ApplicationFailure } from '@temporalio/activity';
import { FAILURE } from '../domain/failures.ts';
import { slackTrouble } from '../channels/slack/errors.ts';

/** A failed call of Slack as the workflow sees it: waited out, retried, or non-retryable. Others pass as they are. */
export function toSlackFailure(error: unknown): unknown {
  const trouble = slackTrouble(error);
  switch (trouble?.kind) {
    case undefined:
      return error;
    case 'rate-limited':
      return ApplicationFailure.create({
        type: FAILURE.slackRateLimited,
        message: `Slack asks to wait for ${trouble.retryAfterMs / 1000} s`,
        nextRetryDelay: trouble.retryAfterMs,
      });
    case 'refused':
      return ApplicationFailure.create({
        type: FAILURE.slackRefused,
        message: `Slack refuses: ${trouble.code}`,
        nonRetryable: true,
      });
    case 'unavailable':
      return ApplicationFailure.create({
        type: FAILURE.slackUnavailable,
        message: `Slack is unavailable: ${trouble.reason}`,
      });
  }
}
