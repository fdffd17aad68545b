import type { Response } from 'express';
import type { Shares } from '../lib/shares.ts';
import { waitsElsewhere } from './calls-under-way.ts';
import { holdPlace } from './hold-place.ts';

/** Before one that found no place asks again: others end with their replies. */
const ASK_AGAIN_MS = 2_000;

/**
 * Takes a place among the requests that wait for replies, until the answer has been sent or its reader is
 * gone. Throws a Problem when the tenant has its share of them, or nobody reads.
 */
export function takeWaitingPlace(waiting: Shares, tenantId: string, res: Response): void {
  holdPlace(waiting, tenantId, res, {
    title: 'Too many waiting',
    detail: 'Too many requests of this tenant wait for replies: nothing was sent, try again later.',
    retryAfterMs: ASK_AGAIN_MS,
  });
  waitsElsewhere(res);
}

/** Takes such a place until it is given back; undefined when the tenant has its share of them. */
export function tryWaitingPlace(waiting: Shares, tenantId: string, res: Response): (() => void) | undefined {
  const giveBack = waiting.take(tenantId);
  if (!giveBack) return undefined;
  waitsElsewhere(res);
  return giveBack;
}
