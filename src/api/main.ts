/** Entry point of the API process. */
import { channelSubjects } from '../channels/index.ts';
import { apiConfig } from '../config/index.ts';
import { SHUTDOWN_WITHIN_MS } from '../domain/timing.ts';
import { startTracing } from '../observability/start-tracing.ts';
import { closeAll, createLogger, onTermination, runMain } from '../lib/process.ts';
import { lazyClient } from '../temporal/connection.ts';
import { startApi } from './start-api.ts';

await runMain(async () => {
  const config = apiConfig(process.env, channelSubjects('inbound'));
  const log = createLogger('api', config.logLevel);
  const tracing = await startTracing('konstruct-api', config.tracesTo);
  const temporal = lazyClient(config.temporal, config.encryption.keys, tracing?.clientInterceptors);
  const api = await startApi(config, log, { temporal, tracing });
  onTermination(log, SHUTDOWN_WITHIN_MS, async () => {
    await api.close();
    await closeAll(log, [() => temporal.connection.close(), () => tracing?.stop()]);
  });
});
