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

/** How long running activities may take to finish at shutdown before they are cancelled (and retried elsewhere). */
const DRAIN_TIME = '20s' as const;

/** What looks on while activities and workflows run: metrics, traces. */
export type Observers = { activity: ActivityInterceptorsFactory[]; sinks?: InjectedSinks<Sinks> };

/**
 * The two workers of a process, not yet running. Backfills have a queue and few slots of their own, so
 * that however many wait, a reply finds the processor free.
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
  return Promise.all([
    Worker.create({
      ...common,
      taskQueue: REPLY_TASK_QUEUE,
      maxConcurrentActivityTaskExecutions: 200,
      maxConcurrentLocalActivityExecutions: 100,
      maxConcurrentWorkflowTaskExecutions: 40,
      maxCachedWorkflows: 1_000,
    }),
    Worker.create({
      ...common,
      taskQueue: EMBEDDING_TASK_QUEUE,
      maxConcurrentActivityTaskExecutions: 8,
      maxConcurrentLocalActivityExecutions: 8,
      maxConcurrentWorkflowTaskExecutions: 4,
      maxCachedWorkflows: 100,
    }),
  ]);
}
