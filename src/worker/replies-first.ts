import type { ActivityInterceptorsFactory, CustomSlotSupplier, WorkflowSlotInfo } from '@temporalio/worker';

/** A reply's steps follow each other within this time; only a longer silence means that none is at work. */
const QUIET_MS = 100;
const LOOK_EVERY_MS = 5;

/** Waits for a model, which costs no processor: a backfill may well run then. When it is done, a backfill is owed. */
const REPLYING_ACTIVITY = 'answerTurn';

/** Lets replies go first in one process. */
export type RepliesFirst = {
  /** For the worker of replies: notes when one is at work, and when one is done. */
  interceptor: ActivityInterceptorsFactory;
  /** For the worker of backfills: takes no further one from the queue while replies are at work. */
  slots: CustomSlotSupplier<WorkflowSlotInfo>;
};

/**
 * Backfills and replies share processor, database and Temporal, so a pile of backfills slows every reply down
 * even from a queue of its own. Here a backfill is only fetched when no reply is at work, or after every `heldForMs`.
 * Under an unbroken stream of replies that would be too few: once they are more than `behind` replies behind, one gets
 * through for each reply as well, so that a pile doesn't grow for ever. `slots` run at a time, polls included.
 */
export function createRepliesFirst(options: {
  slots: number;
  heldForMs: number;
  behind: number;
}): RepliesFirst {
  const { slots, heldForMs, behind } = options;
  let atWork = 0;
  let lastAtWork = Number.NEGATIVE_INFINITY;
  let free = slots;
  /** How many more replies are done than backfills were let through. */
  let owed = 0;
  /** Backfills are let through one by one. */
  let gate: Promise<unknown> = Promise.resolve();

  const isQuiet = (): boolean => atWork === 0 && performance.now() - lastAtWork > QUIET_MS;

  const letThrough = async (abort: AbortSignal): Promise<object> => {
    while (free === 0) await pause(abort);
    const deadline = performance.now() + heldForMs;
    while (!isQuiet() && owed <= behind && performance.now() < deadline) await pause(abort);
    // Nobody would give back what is given to one who has gone.
    abort.throwIfAborted();
    free -= 1;
    owed = Math.max(0, owed - 1);
    return {};
  };

  return {
    interceptor: ({ info }) => ({
      inbound: {
        async execute(input, next) {
          if (info.activityType === REPLYING_ACTIVITY) {
            const reply = await next(input);
            owed = Math.min(behind + slots, owed + 1);
            lastAtWork = performance.now();
            return reply;
          }
          atWork += 1;
          try {
            return await next(input);
          } finally {
            atWork -= 1;
            lastAtWork = performance.now();
          }
        },
      },
    }),
    slots: {
      type: 'custom',
      // Sticky polls too: the server answers them from the queue's backlog once that has waited for some seconds.
      reserveSlot: (_, abort) => {
        const passed = gate.then(() => letThrough(abort));
        gate = passed.catch(() => undefined);
        return passed;
      },
      tryReserveSlot: () => null,
      markSlotUsed: () => undefined,
      releaseSlot: () => void (free += 1),
    },
  };
}

async function pause(abort: AbortSignal): Promise<void> {
  abort.throwIfAborted();
  await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
}
