import type { Request, Response } from 'express';
import { whenClosed } from './reader.ts';

const MAX_WAIT_SECONDS = 120;

/**
 * Milliseconds of `Prefer: wait=60` (RFC 7240), at most two minutes; 0 when the client doesn't ask to wait. A
 * `wait` without a number is as long as may be.
 */
export function preferredWaitMs(req: Request): number {
  const wait = /(?:^|[,;\s])wait(?:\s*=\s*"?(\d{1,6})|(?=\s*(?:[,;]|$)))/i.exec(req.get('prefer') ?? '');
  return wait ? Math.min(Number(wait[1] ?? MAX_WAIT_SECONDS), MAX_WAIT_SECONDS) * 1000 : 0;
}

/** Aborted when nobody reads the answer any more, when the server shuts down, and after `withinMs`. */
export function goneOrClosing(res: Response, closing: AbortSignal, withinMs?: number): AbortSignal {
  const over = new AbortController();
  // It goes with the reader; the timer of an AbortSignal.timeout stays for all of its time.
  const timer = withinMs === undefined ? undefined : setTimeout(() => over.abort(), withinMs).unref();
  whenClosed(res, () => {
    clearTimeout(timer);
    over.abort();
  });
  return AbortSignal.any([over.signal, closing]);
}
