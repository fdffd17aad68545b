/** The workers of one process: one for replies, one for backfills, one embedder for both. */
import { Runtime } from '@temporalio/worker';
import type { NativeConnection } from '@temporalio/worker';
import type { Logger } from 'pino';
import { createActivities } from '../activities/index.ts';
import type { WorkerConfig } from '../config/index.ts';
import { createPool, postgresNeeded } from '../db/tenant-transaction.ts';
import { createLlmClient } from '../llm/client.ts';
import { createRunAgent } from '../llm/run-agent.ts';
import { createEmbedder } from '../memory/embedding/embedder.ts';
import { createActivityMetrics } from '../observability/activity-metrics.ts';
import type { Tracing } from '../observability/tracing.ts';
import { createTurnLog } from '../observability/turn-log.ts';
import { createWorkerMetrics } from '../observability/worker-metrics.ts';
import { closeAll } from '../lib/process.ts';
import { waitForAll } from '../lib/wait-for.ts';
import { createRedis } from '../redis/connection.ts';
import { outboundChannels } from '../channels/index.ts';
import { connectWorker, lazyClient, temporalNeeded } from '../temporal/connection.ts';
import { createWorkers } from './workers.ts';
import { workflowBundle } from './workflow-bundle.ts';

const PINO_LEVELS = { TRACE: 'trace', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const;

/** Loaded by a flag of Node's: workflows run in threads that the SDK starts. */
const TIME_LIMIT_MODULE = 'sandbox-time-limit.ts';

export type RunningWorker = {
  connection: NativeConnection;
  /** Takes no further tasks; `ended` resolves when those at work are done. */
  drain: () => void;
  /** Resolves when the worker has drained and all is closed; rejects when it can't go on. */
  ended: Promise<void>;
};

/** Resolves once tasks are taken. */
export async function startWorker(
  config: WorkerConfig,
  log: Logger,
  tracing: Tracing | undefined,
): Promise<RunningWorker> {
  const metrics = config.metrics && (await createWorkerMetrics(config.metrics));
  installRuntime(log, metrics?.temporalAddress);
  const pool = createPool({ databaseUrl: config.databaseUrl, max: 20, statementTimeoutMs: 10_000 });
  const redis = createRedis(config.redisUrl, log);
  const temporal = lazyClient(config.temporal);
  tracing?.watchPool(pool);
  tracing?.watchRedis(redis);
  await waitForAll([postgresNeeded(pool), temporalNeeded(temporal, config.temporal)], {
    log,
    timeoutMs: config.startTimeoutMs,
  });
  // The model is loaded before the first poll: a worker that polls can answer.
  const [quietEmbedder, bundle, connection] = await Promise.all([
    createEmbedder({ modelsPath: config.modelsPath }),
    workflowBundle({ interceptorModules: tracing?.workflowInterceptorModules ?? [] }),
    connectWorker(config.temporal),
  ]);
  const quietRunAgent = createRunAgent(createLlmClient(config.llm), config.llm.model);
  const embedder = tracing?.watchEmbedder(quietEmbedder) ?? quietEmbedder;
  const runAgent = tracing?.watchRunAgent(quietRunAgent) ?? quietRunAgent;
  const channels = outboundChannels({ config, redis, log });
  const activities = createActivities({ pool, redis, embedder, runAgent, temporal, channels });
  const workers = await createWorkers({
    connection,
    namespace: config.temporal.namespace,
    bundle,
    activities,
    observers: {
      ...tracing?.observers,
      activity: [
        createTurnLog(log),
        ...(metrics ? [createActivityMetrics(metrics.registry)] : []),
        ...(tracing?.observers.activity ?? []),
      ],
    },
  });
  await metrics?.listen();
  const run = async (): Promise<void> => {
    await Promise.all(workers.map((worker) => worker.run()));
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
    log.info(`started without --import=./src/worker/${TIME_LIMIT_MODULE}: a reply costs more than it need`);
  }
  return {
    connection,
    drain: () => {
      for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
    },
    ended,
  };
}

/** Temporal's core: its logs become ours, its metrics are served where asked. */
function installRuntime(log: Logger, metricsAddress: string | undefined): void {
  Runtime.install({
    ...(metricsAddress && {
      telemetryOptions: { metrics: { prometheus: { bindAddress: metricsAddress } } },
    }),
    // Our own handling is below: both workers drain, then the connections close.
    shutdownSignals: [],
    logger: {
      log: (level, message, meta) => log[PINO_LEVELS[level]]({ ...meta }, message),
      trace: (message, meta) => log.trace({ ...meta }, message),
      debug: (message, meta) => log.debug({ ...meta }, message),
      info: (message, meta) => log.info({ ...meta }, message),
      warn: (message, meta) => log.warn({ ...meta }, message),
      error: (message, meta) => log.error({ ...meta }, message),
    },
  });
}
