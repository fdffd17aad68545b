import {
  Worker,
  type ActivityInterceptorsFactory,
  type InjectedSinks,
  type NativeConnection,
  type WorkflowBundle,
} from '@temporalio/worker';
import type { Sinks } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import { dataConverter } from './data-converter.ts';
import { EMBEDDING_TASK_QUEUE, REPLY_TASK_QUEUE } from './names.ts';
import { createRepliesFirst } from './replies-first.ts';

/** How long running activities may take to finish at shutdown before they are cancelled (and retried elsewhere). */
const DRAIN_TIME = '20s' as const;

/** What looks on while activities and workflows run: metrics, traces. */
export type Observers = { activity: ActivityInterceptorsFactory[]; sinks?: InjectedSinks<Sinks> };

/**
 * Workflow tasks at a time. Eight keep two cores busy; what waits beyond them should wait in Temporal, where
 * tenants take turns, not in here, where it is first come first served (40 doubled a quiet tenant's wait).
 */
const WORKFLOW_SLOTS = 8;
/** Further ones for tasks that start eagerly, since each waiting poll holds one of the others. */
const EAGER_SLOTS = 8;
/** Backfills that run side by side; their texts are embedded in one go. */
const BACKFILL_SLOTS = 8;
/** While replies keep coming, four backfills a second still get through. */
const BACKFILL_HELD_MS = 250;

/**
 * The two workers of a process, not yet running. Backfills have a queue of their own, and while replies are
 * at work hardly a slot, so that however many wait, a reply finds the processor free.
 */
export async function createWorkers(options: {
  connection: NativeConnection;
  namespace: string;
  bundle: WorkflowBundle;
  activities: Activities;
  /** Whether this process also starts workflows, eagerly. */
  eagerStart: boolean;
  observers?: Observers;
}): Promise<Worker[]> {
  const { connection, namespace, bundle, activities, eagerStart, observers = { activity: [] } } = options;
  const common = {
    connection,
    namespace,
    workflowBundle: bundle,
    activities,
    dataConverter,
    interceptors: { activity: observers.activity },
    ...(observers.sinks && { sinks: observers.sinks }),
    shutdownGraceTime: DRAIN_TIME,
    shutdownForceTime: '25s' as const,
  };
  const repliesFirst = createRepliesFirst({ slots: BACKFILL_SLOTS, heldForMs: BACKFILL_HELD_MS });
  const fixed = (numSlots: number) => ({ type: 'fixed-size' as const, numSlots });
  return Promise.all([
    Worker.create({
      ...common,
      taskQueue: REPLY_TASK_QUEUE,
      interceptors: { activity: [repliesFirst.interceptor, ...observers.activity] },
      maxConcurrentActivityTaskExecutions: 200,
      maxConcurrentLocalActivityExecutions: 100,
      maxConcurrentWorkflowTaskExecutions: WORKFLOW_SLOTS + (eagerStart ? EAGER_SLOTS : 0),
      maxConcurrentWorkflowTaskPolls: WORKFLOW_SLOTS,
      maxCachedWorkflows: 1_000,
    }),
    Worker.create({
      ...common,
      taskQueue: EMBEDDING_TASK_QUEUE,
      tuner: {
        workflowTaskSlotSupplier: repliesFirst.slots,
        activityTaskSlotSupplier: fixed(8),
        localActivityTaskSlotSupplier: fixed(BACKFILL_SLOTS),
        nexusTaskSlotSupplier: fixed(1),
      },
      maxCachedWorkflows: 100,
    }),
  ]);
}
