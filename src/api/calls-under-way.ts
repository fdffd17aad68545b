import type { Response } from 'express';
import { hasBody } from '../lib/bounded-server.ts';
import { createKeptShares, type KeptLimits } from '../lib/shares.ts';
import { Problem, retryAfter } from './problems.ts';
import { whenClosed } from './reader.ts';

/** Of all tenants together, in a process: of calls that are whole, and of those whose body is on its way. */
export const CALLS_AT_ONCE: KeptLimits = { open: 1_000, kept: 100 };
const ASK_AGAIN_MS = 1_000;

/**
 * Takes a place among the calls under way, until the answer is sent or its reader is gone. Throws a Problem
 * when there is none. A call that has its place keeps it.
 */
export type TakePlace = (tenantId: string, res: Response) => void;

type Call = { settle: () => void; leave: () => void };

const calls = new WeakMap<Response, Call>();

/** The body of a call has come: it is a whole one from now on. Throws a Problem when there is no place. */
export const bodyHasCome = (res: Response): void => calls.get(res)?.settle();

/** A call waits among those that wait for replies, which have places of their own. */
export const waitsElsewhere = (res: Response): void => calls.get(res)?.leave();

/**
 * Counts the calls under way, so that nobody fills the connections with calls that wait. Those whose body is
 * on its way are counted apart: whoever sends none takes no place of a call that is whole.
 */
export function createCallsUnderWay(limits = CALLS_AT_ONCE): TakePlace {
  const coming = createKeptShares(limits);
  const whole = createKeptShares(limits);
  return (tenantId, res) => {
    if (calls.has(res)) {
      bodyHasCome(res);
      return;
    }
    let held: { of: typeof whole; giveBack: () => void } | undefined;
    let isOver = false;
    const settle = (): void => {
      const of = isComing(res) ? coming : whole;
      if (isOver || held?.of === of) return;
      const giveBack = of.take(tenantId);
      if (!giveBack) throw tooManyCalls();
      held?.giveBack();
      held = { of, giveBack };
    };
    const leave = (): void => {
      isOver = true;
      held?.giveBack();
    };
    settle();
    calls.set(res, { settle, leave });
    whenClosed(res, leave);
  };
}

const isComing = ({ req }: Response): boolean => !req.complete && hasBody(req);

const tooManyCalls = (): Problem =>
  new Problem(
    429,
    'Too many calls at once',
    'This tenant has its share of the calls that a process answers at a time; ask again later.',
    { headers: retryAfter(ASK_AGAIN_MS), members: { limit: 'share', retryAfterMs: ASK_AGAIN_MS } },
  );
