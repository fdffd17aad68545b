/** How asking a model fails. No message quotes the server: an error body may echo keys or prompts. */
import type { LlmFailureReason } from '../domain/failures.ts';

/** The server refuses this request, and a retry won't help. `reason` is what the person is told. */
export class LlmRejectedError extends Error {
  override readonly name = 'LlmRejectedError';
  readonly reason: LlmFailureReason | undefined;
  constructor(message: string, options: { reason?: LlmFailureReason | undefined } = {}) {
    super(message);
    this.reason = options.reason;
  }
}

/** The server is busy, broken, silent or unreachable. `retryAfterMs` is the delay that it asks for. */
export class LlmUnavailableError extends Error {
  override readonly name = 'LlmUnavailableError';
  readonly retryAfterMs: number | undefined;
  /** True when the server was waited for in vain: each such attempt is long, and may be paid for. */
  readonly timedOut: boolean;
  /** True when an answer came and can't be read: it may be paid for. */
  readonly unreadable: boolean;
  /** True when the server had been at its answer for a while and didn't finish it: it may be paid for. */
  readonly brokeOff: boolean;
  /** True when the server said that it has too many requests. */
  readonly overloaded: boolean;
  constructor(
    message: string,
    options: {
      retryAfterMs?: number | undefined;
      timedOut?: boolean;
      unreadable?: boolean;
      brokeOff?: boolean;
      overloaded?: boolean;
    } = {},
  ) {
    super(message);
    this.unreadable = options.unreadable ?? false;
    this.brokeOff = options.brokeOff ?? false;
    this.overloaded = options.overloaded ?? false;
    this.retryAfterMs = options.retryAfterMs;
    this.timedOut = options.timedOut ?? false;
  }
}
