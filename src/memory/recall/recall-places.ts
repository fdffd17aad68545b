import { createShares } from '../../lib/shares.ts';
import { unlessAborted } from '../../lib/within.ts';
import { createFairQueue, type Owner } from '../embedding/fair-queue.ts';

/**
 * Recalls of one process that are at the database at once, of a tenant that is alone (see `createShares`).
 * With those of others at most `mostPlaces` of it, which leaves connections to what is no recall.
 */
export const RECALLS_AT_ONCE = 6;

/** Does work when its owner has a place. Rejects with the signal's reason when there was none until then. */
export type RecallPlaces = <T>(owner: Owner, signal: AbortSignal, work: () => Promise<T>) => Promise<T>;

type Waiting = {
  tenantId: string;
  signal: AbortSignal;
  giveBack: (() => void) | undefined;
  begin: () => void;
};

/**
 * Shares the database out among the tenants that recall. Whoever has its share waits for one of its own to
 * end; whoever else comes finds a place at once.
 */
export function createRecallPlaces(atOnce = RECALLS_AT_ONCE): RecallPlaces {
  const shares = createShares(atOnce);
  const queue = createFairQueue<Waiting>();
  // One that nobody waits for is taken out, and needs no place.
  const mayEnter = (waiting: Waiting): boolean => {
    if (waiting.signal.aborted) return true;
    waiting.giveBack = shares.take(waiting.tenantId);
    return waiting.giveBack !== undefined;
  };
  const letIn = (): void => {
    for (let next = queue.take(mayEnter); next; next = queue.take(mayEnter)) next.begin();
  };

  return async (owner, signal, work) => {
    const { tenantId } = owner;
    const own: Waiting = { tenantId, signal, giveBack: undefined, begin: () => undefined };
    const entered = new Promise<void>((resolve) => (own.begin = resolve));
    queue.push(owner, own);
    letIn();
    try {
      await unlessAborted(entered, signal);
      return await work();
    } finally {
      own.giveBack?.();
      letIn();
    }
  };
}
