import {
  Worker,
  type ActivityInterceptorsFactory,
  type InjectedSinks,
  type NativeConnection,
  type WorkflowBundle,
} from '@temporalio/worker';
import type { Sinks } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import { dataConverter } from '../temporal/data-converter.ts';
import { EMBEDDING_TASK_QUEUE, REPLY_TASK_QUEUE } from '../domain/task-queues.ts';
import { createRepliesFirst } from './replies-first.ts';

/** How long running activities may take to finish at shutdown before they are cancelled (and retried elsewhere). */
const DRAIN_TIME = '20s' as const;

/** What looks on while activities and workflows run: metrics, traces. */
export type Observers = { activity: ActivityInterceptorsFactory[]; sinks?: InjectedSinks<Sinks> };

/**
 * Workflow tasks at a time. What waits beyond them waits in Temporal, where tenants take turns, and not in here,
 * where it is first come first served (40 doubled a quiet tenant's wait). Fewer would be too few while Redis or
 * Postgres is silent: a task that looks something up holds its slot for as long as it waits.
 */
const WORKFLOW_SLOTS = 16;
/** Each poll holds a slot while it waits, and the next one of either queue too; the others are for tasks that are started eagerly. */
const WORKFLOW_POLLS = 8;
/** Backfills that run side by side; their texts are embedded by the dozen. With 8 a pile took a tenth longer. */
const BACKFILL_SLOTS = 16;
/** Each holds a slot, and the next one too. */
const BACKFILL_POLLS = 4;
/** While replies keep coming, four backfills a second still get through … */
const BACKFILL_HELD_MS = 250;
/** … and one for each reply, once so many replies are not yet remembered: a few seconds' work. */
const BACKFILLS_BEHIND = 100;

/**
 * The two workers of a process, not yet running. Backfills have a queue of their own, and while replies are
 * at work hardly a slot, so that however many wait, a reply finds the processor free.
 */
export async function createWorkers(options: {
  connection: NativeConnection;
  namespace: string;
  bundle: WorkflowBundle;
  activities: Activities;
  observers?: Observers;
}): Promise<Worker[]> {
  const { connection, namespace, bundle, activities, observers = { activity: [] } } = options;
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
  const repliesFirst = createRepliesFirst({
    slots: BACKFILL_SLOTS + 2 * BACKFILL_POLLS,
    heldForMs: BACKFILL_HELD_MS,
    behind: BACKFILLS_BEHIND,
  });
  const fixed = (numSlots: number) => ({ type: 'fixed-size' as const, numSlots });
  return Promise.all([
    Worker.create({
      ...common,
      taskQueue: REPLY_TASK_QUEUE,
      interceptors: { activity: [repliesFirst.interceptor, ...observers.activity] },
      maxConcurrentActivityTaskExecutions: 200,
      maxConcurrentLocalActivityExecutions: 100,
      maxConcurrentWorkflowTaskExecutions: WORKFLOW_SLOTS,
      maxConcurrentWorkflowTaskPolls: WORKFLOW_POLLS,
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
      workflowTaskPollerBehavior: { type: 'simple-maximum', maximum: BACKFILL_POLLS },
      maxCachedWorkflows: 100,
    }),
  ]);
}
