/** Failure types: constants, since they stand in histories, retry policies and docs/ARCHITECTURE.md. */
export const FAILURE = {
  /** The LLM refuses this request and always will (400, 401, 403, 404, 413, 422). Non-retryable. */
  llmRejected: 'LlmRejected',
  /** The LLM asks to wait (429) or is in trouble (5xx, connection, time-out). Retried. */
  llmUnavailable: 'LlmUnavailable',
  /** The LLM answered with nothing to say. Retried: models do this now and then. */
  llmEmptyReply: 'LlmEmptyReply',
  /** An embedding of the wrong width or with a number that isn't finite. Non-retryable. */
  invalidEmbedding: 'InvalidEmbedding',
  /** Slack refuses this call and always will (channel gone, not a member, token revoked). Non-retryable. */
  slackRefused: 'SlackRefused',
  /** Slack asks to wait (429). Retried after as long as it says. */
  slackRateLimited: 'SlackRateLimited',
  /** Slack is in trouble or out of reach. Retried. */
  slackUnavailable: 'SlackUnavailable',
  /** The turn ended without a reply; its details hold what the user was told. */
  turnFailed: 'TurnFailed',
} as const;

/** What a person is told when the model fails for good: one line, no internals. */
export const APOLOGY = 'Sorry, I could not come up with a reply to this message. Please try again later.';

/** What a person in Slack is told when they have sent more than their limit allows. */
export const TOO_MANY_MESSAGES = 'That was a lot at once: please give me a minute, then ask again.';
