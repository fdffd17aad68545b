import { createFairQueue, type Owner } from './fair-queue.ts';
import { createShares } from './shares.ts';
import { unlessAborted } from './within.ts';

/** Does work when its owner has a place. Rejects with the signal's reason when there was none until then. */
export type FairPlaces = <T>(
  owner: Owner,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
) => Promise<T>;

type Waiting = {
  tenantId: string;
  signal: AbortSignal | undefined;
  giveBack: (() => void) | undefined;
  begin: () => void;
};

/**
 * Shares places out among the tenants that want them: `atOnce` for one that is alone, and in all as many as
 * `createShares` gives. Whoever has its share waits for one of its own to end; whoever else comes
 * finds a place at once.
 */
export function createFairPlaces(atOnce: number, most?: number): FairPlaces {
  const shares = createShares(atOnce, most);
  const queue = createFairQueue<Waiting>();
  // One that nobody waits for is taken out, and needs no place.
  const mayEnter = (waiting: Waiting): boolean => {
    if (waiting.signal?.aborted) return true;
    waiting.giveBack = shares.take(waiting.tenantId);
    return waiting.giveBack !== undefined;
  };
  const letIn = (): void => {
    for (let next = queue.take(mayEnter); next; next = queue.take(mayEnter)) next.begin();
  };

  return async (owner, signal, work) => {
    signal?.throwIfAborted();
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
