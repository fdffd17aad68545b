import type { Response } from 'express';
import type { Shares } from '../lib/shares.ts';
import { Problem, retryAfter } from './problems.ts';
import { requireReader } from './reader.ts';

/** What a tenant is told that has its share of the places. */
export type Refusal = { title: string; detail: string; retryAfterMs: number };

/**
 * Takes a place of the tenant's for an answer, until it has been sent or its reader is gone. Throws a Problem
 * when there is none, and when nobody reads.
 */
export function holdPlace(shares: Shares, tenantId: string, res: Response, refusal: Refusal): void {
  requireReader(res);
  const giveBack = shares.take(tenantId);
  if (!giveBack) {
    const { title, detail, retryAfterMs } = refusal;
    throw new Problem(429, title, detail, { headers: retryAfter(retryAfterMs) });
  }
  res.once('close', giveBack);
}
