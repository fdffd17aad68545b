/**
 * Entry point of the combined process: API and worker in one, for machines where every millisecond counts. A
 * message's first workflow task comes back with the answer to its start (eager start), without a way round by the
 * task queue. More such processes, or others beside it, share the work; what they guarantee less is in docs/RELIABILITY.md.
 */
import { startApi } from './api/start-api.ts';
import { apiConfig, workerConfig } from './config/index.ts';
import { startTracing } from './observability/start-tracing.ts';
import { closeAll, createLogger, onTermination, runMain } from './lib/process.ts';
import { startWorker } from './worker/start-worker.ts';
import { clientOn, lazyClient } from './temporal/connection.ts';

await runMain(async () => {
  const config = { api: apiConfig(process.env), worker: workerConfig(process.env) };
  const log = createLogger('konstruct', config.api.logLevel);
  const tracing = await startTracing('konstruct', config.api.tracesTo);
  const worker = await startWorker(config.worker, log, tracing);
  const temporal = lazyClient(config.api.temporal, tracing?.clientInterceptors);
  const eagerStarter = clientOn(worker.connection, config.api.temporal, tracing?.clientInterceptors);
  const starting = startApi(config.api, log, { temporal, tracing, eagerStarter }).catch(
    async (error: unknown) => {
      // Say that the port is in use: what the worker has taken meanwhile is finished, not left to its time-outs.
      worker.drain();
      await worker.ended;
      throw error;
    },
  );
  onTermination(log, async () => {
    await (await starting).close();
    worker.drain();
    await worker.ended;
    await closeAll(log, [
      () => worker.connection.close(),
      () => temporal.connection.close(),
      () => tracing?.stop(),
    ]);
  });
  await Promise.all([starting, worker.ended]);
});
