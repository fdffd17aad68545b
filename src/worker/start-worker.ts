/** The workers of one process: one for replies, one for backfills, one embedder for both. */
import { setDefaultHighWaterMark } from 'node:stream';
import { Runtime } from '@temporalio/worker';
import type { NativeConnection, Worker } from '@temporalio/worker';
import type { Logger } from 'pino';
import { createActivities } from '../activities/index.ts';
import type { WorkerConfig } from '../config/index.ts';
import { createPool, postgresNeeded } from '../db/pool.ts';
import { createLlmClient } from '../llm/client.ts';
import { createRunAgent } from '../llm/run-agent.ts';
import { makeReadersReady } from '../memory/recall/read-question.ts';
import { createEmbedder } from '../memory/embedding/embedder.ts';
import { createActivityMetrics } from '../observability/activity-metrics.ts';
import type { Tracing } from '../observability/tracing.ts';
import { logGivenUp } from '../observability/given-up.ts';
import { createTurnLog } from '../observability/turn-log.ts';
import { createWorkerMetrics } from '../observability/worker-metrics.ts';
import { closeAll } from '../lib/process.ts';
import { waitForAll } from '../lib/wait-for.ts';
import { createRedis } from '../redis/connection.ts';
import { outboundChannels } from '../channels/index.ts';
import { lazyClient, temporalNeeded } from '../temporal/connection.ts';
import { connectWorker } from './connection.ts';
import { sdkLogger } from './sdk-logger.ts';
import { createWorkers } from './workers.ts';
import { workflowBundle } from './workflow-bundle.ts';

/** Loaded with `node --import`, since it must run in the workflow threads that the SDK starts. */
const TIME_LIMIT_MODULE = 'sandbox-time-limit.ts';

/**
 * Bytes of a stream that are kept before they are read. A server may send its answer byte by byte, and each
 * is an object: with Node's 64 kB two hundred such answers fill the heap.
 */
const READ_AHEAD_BYTES = 16_384;

export type RunningWorker = {
  connection: NativeConnection;
  /** Stops polling. `ended` resolves when the running tasks are finished. */
  drain: () => void;
  /** Resolves when the worker has drained and its connections are closed; rejects when a worker fails. */
  ended: Promise<void>;
};

/**
 * Connects to all services, loads the model and runs both workers. Resolves when they poll for tasks. Rejects
 * when a service doesn't come up in time or the model can't be loaded.
 */
export async function startWorker(
  config: WorkerConfig,
  log: Logger,
  tracing: Tracing | undefined,
): Promise<RunningWorker> {
  setDefaultHighWaterMark(false, READ_AHEAD_BYTES);
  const metrics = config.metrics && (await createWorkerMetrics(config.metrics));
  installRuntime(log, metrics?.temporalAddress);
  logGivenUp(log);
  const pool = createPool({
    databaseUrl: config.databaseUrl,
    ...config.connections,
    statementTimeoutMs: 10_000,
  });
  const redis = createRedis(config.redisUrl, log);
  const temporal = lazyClient(config.temporal, config.encryption.keys);
  tracing?.watchPool(pool);
  tracing?.watchRedis(redis);
  await waitForAll([postgresNeeded(pool), temporalNeeded(temporal, config.temporal)], {
    log,
    timeoutMs: config.startTimeoutMs,
  });
  // What recall needs is loaded before the first poll, so that a polling worker can answer.
  const [plainEmbedder, , bundle, connection] = await Promise.all([
    createEmbedder({ modelsPath: config.modelsPath }),
    makeReadersReady(),
    workflowBundle({ interceptorModules: tracing?.workflowInterceptorModules ?? [] }),
    connectWorker(config.temporal),
  ]);
  const plainRunAgent = createRunAgent(createLlmClient(config.llm), config.llm);
  const embedder = tracing?.watchEmbedder(plainEmbedder) ?? plainEmbedder;
  const runAgent = tracing?.watchRunAgent(plainRunAgent) ?? plainRunAgent;
  const channels = outboundChannels(config.channels, { pool, redis, keys: config.encryption.keys, log });
  const { windowBytes } = config;
  const activities = createActivities({ pool, redis, windowBytes, embedder, runAgent, temporal, channels });
  const workers = await createWorkers({
    connection,
    namespace: config.temporal.namespace,
    keys: config.encryption.keys,
    bundle,
    activities,
    callsAtOnce: config.callsAtOnce,
    buildId: config.buildId,
    observers: {
      ...tracing?.observers,
      activity: [
        createTurnLog(log),
        ...(metrics ? [createActivityMetrics(metrics.registry, config.llm)] : []),
        ...(tracing?.observers.activity ?? []),
      ],
    },
  });
  await metrics?.listen();
  let isDraining = false;
  const run = async (): Promise<void> => {
    await Promise.all(workers.map((worker) => runToItsEnd(worker, { isDraining: () => isDraining, log })));
    await closeAll(log, [
      () => temporal.connection.close(),
      () => embedder.close(),
      () => redis.disconnect(),
      () => pool.end(),
      () => metrics?.close(),
    ]);
  };
  const ended = run();
  log.info('worker is up');
  if (!process.execArgv.some((flag) => flag.includes(TIME_LIMIT_MODULE))) {
    log.info(
      `started without --import=./src/worker/${TIME_LIMIT_MODULE}: each reply takes more processor time than necessary`,
    );
  }
  return {
    connection,
    drain: () => {
      isDraining = true;
      for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
    },
    ended,
  };
}

/**
 * Resolves when the worker has ended. One that is to end and is held up ends without its last tasks, and
 * rejects, in one way or another: what it had not finished, another worker does.
 */
async function runToItsEnd(
  worker: Worker,
  { isDraining, log }: { isDraining: () => boolean; log: Logger },
): Promise<void> {
  try {
    await worker.run();
  } catch (error) {
    if (!isDraining()) throw error;
    log.warn({ err: error }, 'ended before all tasks did; Temporal gives the rest to another worker');
  }
}

/** Configures Temporal's core: it logs through `log`, and serves its metrics at `metricsAddress`. */
function installRuntime(log: Logger, metricsAddress: string | undefined): void {
  Runtime.install({
    telemetryOptions: {
      // Else its core, which is no JavaScript, writes lines of its own to the console.
      logging: { forward: {} },
      ...(metricsAddress && { metrics: { prometheus: { bindAddress: metricsAddress } } }),
    },
    // `drain` handles shutdown: both workers must drain before the connections close.
    shutdownSignals: [],
    logger: sdkLogger(log),
  });
}
