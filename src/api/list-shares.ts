import type { Response } from 'express';
import { createShares } from '../lib/shares.ts';
import { holdPlace } from './hold-place.ts';

/** Lists under way in a process, as many as it has connections to the database. */
export const LISTS_AT_ONCE = 20;

/**
 * Shares out among the tenants the lists under way: each is held in memory until its reader has taken it, or
 * is gone. The result takes a place for an answer, and throws a Problem when there is none.
 */
export function createListShares(): (tenantId: string, res: Response) => void {
  const underWay = createShares(LISTS_AT_ONCE);
  return (tenantId, res) =>
    holdPlace(underWay, tenantId, res, {
      title: 'Too many lists',
      detail: 'Too many lists of this tenant are under way: read their answers, and ask again.',
      retryAfterMs: 1_000,
    });
}
