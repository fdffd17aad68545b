/** Entry point of the worker process. */
import { workerConfig } from './config/index.ts';
import { startTracing } from './observability/start-tracing.ts';
import { closeAll, createLogger, runMain } from './lib/process.ts';
import { startWorker } from './worker/start-worker.ts';

await runMain(async () => {
  const config = workerConfig(process.env);
  const log = createLogger('worker', config.logLevel);
  const tracing = await startTracing('konstruct-worker', config.tracesTo);
  const worker = await startWorker(config, log, tracing);
  const shutdown = (signal: NodeJS.Signals): void => {
    log.info({ signal }, 'draining');
    worker.drain();
  };
  process.on('SIGTERM', shutdown);
  process.on('SIGINT', shutdown);
  await worker.ended;
  await closeAll(log, [() => worker.connection.close(), () => tracing?.stop()]);
  log.info('stopped');
  process.exit(0);
});
