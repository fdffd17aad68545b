import type { Response } from 'express';
import { Problem, retryAfter } from './problems.ts';
import { whenClosed } from './reader.ts';

/**
 * Of all tenants together, in a process. It takes more connections than that, so that each that comes is let
 * in: calls that are refused, and those whose keys are looked up, are connections too.
 */
export const CALLS_AT_ONCE = 1_000;
const ASK_AGAIN_MS = 1_000;

/**
 * Counts the calls under way, each until its answer is sent or its reader is gone. The result is called
 * before anything is done for a call. While there are many it throws a Problem when its tenant has its share
 * of them or more, so nobody fills the connections with calls that wait. Others find a place.
 */
export function createCallsUnderWay(atOnce = CALLS_AT_ONCE): (tenantId: string, res: Response) => void {
  const underWay = new Map<string, number>();
  let all = 0;
  return (tenantId, res) => {
    const own = underWay.get(tenantId) ?? 0;
    if (all >= atOnce && own >= atOnce / underWay.size) throw tooManyCalls();
    underWay.set(tenantId, own + 1);
    all += 1;
    whenClosed(res, () => {
      const left = (underWay.get(tenantId) ?? 1) - 1;
      if (left === 0) underWay.delete(tenantId);
      else underWay.set(tenantId, left);
      all -= 1;
    });
  };
}

const tooManyCalls = (): Problem =>
  new Problem(
    429,
    'Too many calls at once',
    'This tenant has its share of the calls that a process answers at a time; ask again later.',
    { headers: retryAfter(ASK_AGAIN_MS), members: { limit: 'share', retryAfterMs: ASK_AGAIN_MS } },
  );
