import type { ActivityInterceptorsFactory, CustomSlotSupplier, WorkflowSlotInfo } from '@temporalio/worker';
import { pause } from './pause.ts';

/**
 * The activities of a reply follow each other within this time. After a longer silence no reply is active.
 */
const QUIET_MS = 100;
/**
 * This activity waits for the model and uses no processor, so
 * it holds no backfill. Its end owes one backfill.
 */
export const MODEL_ACTIVITY = 'answerTurn';

/** This one is no step of a reply, although turns after it wait for it. */
const FORGETTING_ACTIVITY = 'forgetMemory';

/** Gives replies priority over backfills in one process. */
export type RepliesFirst = {
  /** For the reply worker: records when a reply is active and when it is finished. */
  interceptor: ActivityInterceptorsFactory;
  /** For the backfill worker: delays its polls while replies are active. */
  slots: CustomSlotSupplier<WorkflowSlotInfo>;
};

/**
 * Backfills and replies share processor, database and Temporal, so many backfills slow every reply down even
 * from a task queue of their own. A backfill is therefore polled for only when no reply is active, or after
 * it was held for `maxHoldMs`. Under a steady stream of replies this alone would let backfills pile up
 * without limit. So when they are more than `maxBehind` replies behind, each further reply admits one as
 * well. At most `slots` are reserved at a time, polls included.
 */
export function createRepliesFirst(options: {
  slots: number;
  maxHoldMs: number;
  maxBehind: number;
}): RepliesFirst {
  const { slots, maxHoldMs, maxBehind } = options;
  let activeSteps = 0;
  let lastActiveAt = Number.NEGATIVE_INFINITY;
  let freeSlots = slots;
  /** How many more replies were finished than backfills admitted. */
  let backfillsBehind = 0;
  /** Settles when the previous reservation is settled: backfills are admitted one at a time. */
  let previous: Promise<unknown> = Promise.resolve();

  const isQuiet = (): boolean => activeSteps === 0 && performance.now() - lastActiveAt > QUIET_MS;

  const admit = async (abort: AbortSignal): Promise<object> => {
    while (freeSlots === 0) await pause(abort);
    const deadline = performance.now() + maxHoldMs;
    while (!isQuiet() && backfillsBehind <= maxBehind && performance.now() < deadline) await pause(abort);
    // An aborted poll never releases its slot, so it must not get one.
    abort.throwIfAborted();
    freeSlots -= 1;
    backfillsBehind = Math.max(0, backfillsBehind - 1);
    return {};
  };

  return {
    interceptor: ({ info }) => ({
      inbound: {
        async execute(input, next) {
          if (info.activityType === MODEL_ACTIVITY) {
            const reply = await next(input);
            backfillsBehind = Math.min(maxBehind + slots, backfillsBehind + 1);
            lastActiveAt = performance.now();
            return reply;
          }
          if (info.activityType === FORGETTING_ACTIVITY) return next(input);
          activeSteps += 1;
          try {
            return await next(input);
          } finally {
            activeSteps -= 1;
            lastActiveAt = performance.now();
          }
        },
      },
    }),
    slots: {
      type: 'custom',
      // Sticky polls are delayed too: the server also answers them from the normal queue's backlog.
      reserveSlot: (_, abort) => {
        const admitted = previous.then(() => admit(abort));
        previous = admitted.catch(() => undefined);
        return admitted;
      },
      tryReserveSlot: () => null,
      markSlotUsed: () => undefined,
      releaseSlot: () => void (freeSlots += 1),
    },
  };
}
