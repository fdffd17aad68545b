/** Entry point of the worker process. */
import { channelSubjects } from './channels/index.ts';
import { workerConfig } from './config/index.ts';
import { SHUTDOWN_WITHIN_MS } from './domain/timing.ts';
import { closeAll, createLogger, onTermination, runMain } from './lib/process.ts';
import { startTracing } from './observability/start-tracing.ts';
import { startWorker } from './worker/start-worker.ts';

await runMain(async () => {
  const config = workerConfig(process.env, channelSubjects('outbound'));
  const log = createLogger('worker', config.logLevel);
  const tracing = await startTracing('konstruct-worker', config.tracesTo);
  const worker = await startWorker(config, log, tracing);
  onTermination(log, SHUTDOWN_WITHIN_MS, async () => {
    worker.drain();
    await worker.ended;
    await closeAll(log, [() => worker.connection.close(), () => tracing?.stop()]);
  });
  // A worker that can't go on ends its process with the reason.
  await worker.ended;
});
