import { totalmem } from 'node:os';
import {
  Worker,
  type ActivityInterceptorsFactory,
  type InjectedSinks,
  type NativeConnection,
  type WorkflowBundle,
} from '@temporalio/worker';
import type { Sinks } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import type { KeyRing } from '../config/index.ts';
import { dataConverter } from '../temporal/data-converter.ts';
import { DRAIN_FORCED_AFTER_MS, DRAIN_WITHIN_MS } from '../domain/timing.ts';
import { DEPLOYMENT, EMBEDDING_TASK_QUEUE, REPLY_TASK_QUEUE } from '../domain/task-queues.ts';
import { BACKFILL_ACTIVITY_SLOTS, replySlots } from './activity-shares.ts';
import { createBegunFirst } from './begun-first.ts';
import { createFairShares } from './fair-shares.ts';
import { createModelPace } from './model-pace.ts';
import { createRepliesFirst, type RepliesFirst } from './replies-first.ts';

/** Interceptors and sinks that observe activities and workflows: metrics, logs, traces. */
export type Observers = { activity: ActivityInterceptorsFactory[]; sinks?: InjectedSinks<Sinks> };

/**
 * Workflow tasks that run at the same time. All others wait in Temporal. With fewer slots an outage of Redis
 * or Postgres would stop the worker, since a waiting local activity keeps its workflow task's slot.
 */
const WORKFLOW_SLOTS = 16;
/**
 * Each poller reserves a slot while it polls, and the normal and the sticky queue reserve one each for their
 * next poll. The remaining slots are for tasks that are started eagerly.
 */
const WORKFLOW_POLLERS = 8;
/** Backfills that run at the same time. Enough of them let the embedder fill its batches. */
const BACKFILL_SLOTS = 16;
/** Each poller reserves two slots: one for its current poll, one for the next. */
const BACKFILL_POLLERS = 4;
/**
 * A new turn is held for this long while tasks are at work, and a backfill while replies are active: four a
 * second of each start in any case.
 */
const MAX_HOLD_MS = 250;
/**
 * When more than this many replies are not yet stored (a few
 * seconds' work), each new reply admits a backfill.
 */
const MAX_REPLIES_BEHIND = 100;

/**
 * What a turn of the longest texts keeps in the process while it waits for its model: its input, what was
 * looked up for it and its prompt, on heaps and, twice that, in the SDK's core beside them
 * ([test](../../test/workflows/cached-turns.test.ts)).
 */
export const KEPT_BY_A_TURN = 6_000_000;
/** More turns than this are hardly at work in one process. */
const MOST_CACHED_TURNS = 1_000;

/**
 * Turns that stay in memory between their steps: whoever fills them all with the longest texts fills a third
 * of the memory. The turn that was at work longest ago goes first, and is read from its history when it goes
 * on.
 */
export const cachedTurns = (memoryBytes: number): number =>
  Math.min(MOST_CACHED_TURNS, Math.floor(memoryBytes / 3 / KEPT_BY_A_TURN));

/** The memory that this process may have, in bytes: its container's, or the machine's. */
const memoryOfProcess = (): number => Math.min(process.constrainedMemory() || Infinity, totalmem());

/**
 * What stands around the steps of a reply, the outermost first. An attempt that is put off ends before
 * `repliesFirst` sees it: it does no work, and a tenant over its share makes many of them, so they would hold
 * everybody's backfills.
 */
export const aroundReplies = (
  repliesFirst: RepliesFirst,
  fairShares: ActivityInterceptorsFactory,
  observers: readonly ActivityInterceptorsFactory[] = [],
): ActivityInterceptorsFactory[] => [...observers, fairShares, createModelPace(), repliesFirst.interceptor];

/**
 * Makes the two workers of a process, not yet running. Backfills have a task queue of their own and are held
 * while replies are active, so that a reply finds a free processor however many backfills wait.
 */
export async function createWorkers(options: {
  connection: NativeConnection;
  namespace: string;
  keys: KeyRing;
  bundle: WorkflowBundle;
  activities: Activities;
  /** See `createFairShares`. */
  callsAtOnce: number;
  /** With it the workers are of a versioned deployment. */
  buildId?: string | undefined;
  observers?: Observers;
}): Promise<Worker[]> {
  const { connection, namespace, keys, bundle, activities, callsAtOnce, buildId } = options;
  const observers = options.observers ?? { activity: [] };
  const common = {
    connection,
    namespace,
    workflowBundle: bundle,
    activities,
    dataConverter: dataConverter(keys),
    interceptors: { activity: observers.activity },
    ...(observers.sinks && { sinks: observers.sinks }),
    shutdownGraceTime: DRAIN_WITHIN_MS,
    shutdownForceTime: DRAIN_FORCED_AFTER_MS,
    // An open turn goes on with the current build: pinned to its own, it would need that one's workers for as
    // long as it waits for a model that is away.
    ...(buildId && {
      workerDeploymentOptions: {
        version: { deploymentName: DEPLOYMENT, buildId },
        useWorkerVersioning: true as const,
        defaultVersioningBehavior: 'AUTO_UPGRADE' as const,
      },
    }),
  };
  const repliesFirst = createRepliesFirst({
    slots: BACKFILL_SLOTS + 2 * BACKFILL_POLLERS,
    maxHoldMs: MAX_HOLD_MS,
    maxBehind: MAX_REPLIES_BEHIND,
  });
  const fairShares = createFairShares(callsAtOnce);
  const fixed = (numSlots: number) => ({ type: 'fixed-size' as const, numSlots });
  return Promise.all([
    Worker.create({
      ...common,
      taskQueue: REPLY_TASK_QUEUE,
      interceptors: { activity: aroundReplies(repliesFirst, fairShares, observers.activity) },
      tuner: {
        workflowTaskSlotSupplier: createBegunFirst({ slots: WORKFLOW_SLOTS, maxHoldMs: MAX_HOLD_MS }),
        activityTaskSlotSupplier: fixed(replySlots(callsAtOnce)),
        localActivityTaskSlotSupplier: fixed(100),
        nexusTaskSlotSupplier: fixed(1),
      },
      workflowTaskPollerBehavior: { type: 'simple-maximum', maximum: WORKFLOW_POLLERS },
      maxCachedWorkflows: cachedTurns(memoryOfProcess()),
    }),
    Worker.create({
      ...common,
      taskQueue: EMBEDDING_TASK_QUEUE,
      interceptors: { activity: [...observers.activity, fairShares] },
      tuner: {
        workflowTaskSlotSupplier: repliesFirst.slots,
        activityTaskSlotSupplier: fixed(BACKFILL_ACTIVITY_SLOTS),
        localActivityTaskSlotSupplier: fixed(BACKFILL_SLOTS),
        nexusTaskSlotSupplier: fixed(1),
      },
      workflowTaskPollerBehavior: { type: 'simple-maximum', maximum: BACKFILL_POLLERS },
      maxCachedWorkflows: 100,
    }),
  ]);
}
