/** Failure types: constants, since they stand in histories, retry policies and docs/ARCHITECTURE.md. */
export const FAILURE = {
  /** The LLM refuses this request and always will (400, 401, 403, 404, 413, 422). Non-retryable. */
  llmRejected: 'LlmRejected',
  /** The LLM has too many requests (429, 503, 529). Retried, at its tenant's pace. */
  llmOverloaded: 'LlmOverloaded',
  /** The LLM is in trouble (5xx, connection, time-out). Retried. */
  llmUnavailable: 'LlmUnavailable',
  /** The LLM kept its caller waiting too often. Non-retryable: each attempt is long and may be paid for. */
  llmTimedOut: 'LlmTimedOut',
  /** The LLM answered with nothing to say. Retried: models do this now and then. */
  llmEmptyReply: 'LlmEmptyReply',
  /**
   * The LLM's answer comes, and can't be read, breaks off after a while or makes this worker fail.
   * Non-retryable after a few attempts, since each is paid for.
   */
  replyUnusable: 'ReplyUnusable',
  /** An embedding of the wrong width or with a number that isn't finite. Non-retryable. */
  invalidEmbedding: 'InvalidEmbedding',
  /**
   * The channel refuses this reply and always will (place gone, not a member, token revoked). Non-retryable.
   */
  deliveryRefused: 'DeliveryRefused',
  /** The channel asks to wait. Retried after as long as it says. */
  deliveryRateLimited: 'DeliveryRateLimited',
  /** The channel is in trouble or out of reach. Retried. */
  deliveryUnavailable: 'DeliveryUnavailable',
  /** The tenant has its share of the calls at this time. Retried; the attempt had not begun. */
  overShare: 'OverShare',
  /** A step was asked for something that intake did not accept. Non-retryable: somebody has forged it. */
  notAccepted: 'NotAccepted',
  /**
   * There is no import of this id. Retried at first: its transaction ends after the start of its workflow.
   */
  importNotThere: 'ImportNotThere',
  /** A reindex to a version that this worker doesn't know yet. Retried: another worker does, or comes. */
  workerTooOld: 'WorkerTooOld',
  /** Somebody has asked, where the message stands, that it be left alone. Non-retryable. */
  turnStopped: 'TurnStopped',
  /** Nobody was there to answer for so long that the turn ends without a reply. */
  turnOverdue: 'TurnOverdue',
  /** The turn ended without a reply; its details hold what the user was told. */
  turnFailed: 'TurnFailed',
} as const;

/** Why no retry cures a failure of the model; domain/words.ts says each to the person. */
export type LlmFailureReason =
  'filtered' | 'refused' | 'outOfCredit' | 'unknownModel' | 'badKey' | 'tooLong' | 'onlyThought';

/** Why a turn ends without a reply, where the person is told. */
export type NoReplyReason = LlmFailureReason | 'stopped';
