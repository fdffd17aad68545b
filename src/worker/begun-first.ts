import type { CustomSlotSupplier, SlotPermit, WorkflowSlotInfo } from '@temporalio/worker';
import { pause } from './pause.ts';

/** A task computes for less, on busy machines too. One that takes longer waits for something. */
const AT_WORK_MS = 100;

/**
 * Slots for workflow tasks that serve the turns which this worker has begun before new ones. A new turn is
 * polled for only while no task is at work, or after it was held for `maxHoldMs`: a task that waits, for what
 * its turn gathers, holds no other tenant's turn. What is held waits in
 * Temporal, which serves tenants in turn; what has begun is served first come, first served. At most `slots`
 * are reserved at a time, polls included.
 */
export function createBegunFirst(options: {
  slots: number;
  maxHoldMs: number;
}): CustomSlotSupplier<WorkflowSlotInfo> {
  const { slots, maxHoldMs } = options;
  let free = slots;
  /** Since when, the longest first. */
  const tasks = new Map<SlotPermit, number>();
  const isAtWork = (): boolean => {
    const newest = [...tasks.values()].at(-1) ?? -Infinity;
    return performance.now() - newest < AT_WORK_MS;
  };
  /** Settles when the previous reservation for a new turn is settled: they are admitted one at a time. */
  let previous: Promise<unknown> = Promise.resolve();

  const reserve = async (abort: AbortSignal): Promise<SlotPermit> => {
    while (free === 0) await pause(abort);
    // An aborted poll never releases its slot, so it must not get one.
    abort.throwIfAborted();
    free -= 1;
    return {};
  };

  const reserveForNew = async (abort: AbortSignal): Promise<SlotPermit> => {
    const deadline = performance.now() + maxHoldMs;
    while (isAtWork() && performance.now() < deadline) await pause(abort);
    return reserve(abort);
  };

  return {
    type: 'custom',
    reserveSlot({ isSticky }, abort) {
      if (isSticky) return reserve(abort);
      const admitted = previous.then(() => reserveForNew(abort));
      previous = admitted.catch(() => undefined);
      return admitted;
    },
    tryReserveSlot: () => null,
    markSlotUsed: ({ permit }) => void tasks.set(permit, performance.now()),
    releaseSlot({ permit }) {
      tasks.delete(permit);
      free += 1;
    },
  };
}
