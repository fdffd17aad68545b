import { MEMORY_WITHIN_MS } from '../../domain/timing.ts';

/** What is left of recall's time when comparing ends: choosing has to come to an end as well. */
const CHOOSING_MS = MEMORY_WITHIN_MS / 4;

/**
 * Whether a recall that begins now may go on comparing. It takes as long as a turn's may, and ends before
 * `deadline` (of `performance.now()`), if there is one, and when nobody waits for it any more.
 */
export function timeToCompare(signal: AbortSignal, deadline = Number.POSITIVE_INFINITY): () => boolean {
  const until = Math.min(deadline, performance.now() + MEMORY_WITHIN_MS);
  return () => !signal.aborted && until - performance.now() > CHOOSING_MS;
}
