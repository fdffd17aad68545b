import type { Response } from 'express';
import type { Shares } from '../lib/shares.ts';
import { Problem, retryAfter } from './problems.ts';
import { requireReader } from './reader.ts';

/** Before one that found no place asks again: others end with their replies. */
const ASK_AGAIN_MS = 2_000;

/**
 * Takes a place among the requests that wait for replies, until the answer has been sent or its reader is
 * gone. Throws a Problem when the tenant has its share of them, or nobody reads.
 */
export function takeWaitingPlace(waiting: Shares, tenantId: string, res: Response): void {
  requireReader(res);
  const giveBack = waiting.take(tenantId);
  if (!giveBack) {
    throw new Problem(
      429,
      'Too many waiting',
      'Too many requests of this tenant wait for replies: nothing was sent, try again later.',
      { headers: retryAfter(ASK_AGAIN_MS) },
    );
  }
  res.once('close', giveBack);
}
