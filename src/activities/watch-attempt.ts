import { asyncLocalStorage, cancellationSignal, heartbeat as tellThatItLives } from '@temporalio/activity';
import { STORE_HEARTBEAT_MS } from '../domain/timing.ts';

/** Tells Temporal that the attempt lives. Throws when it is over: another may be at the same work. */
export function heartbeat(): void {
  tellThatItLives();
  cancellationSignal().throwIfAborted();
}

/**
 * Tells Temporal that the attempt lives. The signal is aborted when the attempt is cancelled or its time is
 * over, so that nothing of it is left in the embedder's queue. Outside Temporal an attempt has no limit.
 */
export function watchAttempt(): { signal?: AbortSignal; end(): void } {
  const context = asyncLocalStorage.getStore();
  if (!context) return { end: () => undefined };
  const { isLocal, startToCloseTimeoutMs } = context.info;
  const beat = isLocal ? undefined : setInterval(() => context.heartbeat(), STORE_HEARTBEAT_MS);
  const timeUp = AbortSignal.timeout(startToCloseTimeoutMs);
  return { signal: AbortSignal.any([context.cancellationSignal, timeUp]), end: () => clearInterval(beat) };
}
