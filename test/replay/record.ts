/**
 * `npm run histories:record -- VERSION`: plays the scenarios against a throw-away Temporal server and writes
 * their histories to test/replay/histories/VERSION. It never writes over a folder: a recorded history is a
 * promise that open turns of that version can go on with the code of today.
 */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { Runtime, Worker, type WorkerOptions } from '@temporalio/worker';
import { startStack } from '../../local/stack/index.ts';
import { runUntilStopped } from '../../local/stack/run-until-stopped.ts';
import type { Activities } from '../../src/activities/index.ts';
import { EMBEDDING_TASK_QUEUE, REPLY_TASK_QUEUE } from '../../src/domain/task-queues.ts';
import { NO_KEYS } from '../../src/config/index.ts';
import { startErasure } from '../../src/intake/start-erasure.ts';
import { startTurn } from '../../src/intake/start-turn.ts';
import { lazyClient } from '../../src/temporal/connection.ts';
import { connectWorker } from '../../src/worker/connection.ts';
import { dataConverter } from '../../src/temporal/data-converter.ts';
import { prepareNamespace } from '../../src/temporal/namespace.ts';
import { workflowBundle } from '../../src/worker/workflow-bundle.ts';
import { createWorkers } from '../../src/worker/workers.ts';
import { fakeActivities } from '../support/fake-activities.ts';
import { SCENARIOS, type Scenario, type Stage } from './scenarios.ts';
import { STORAGE } from './storage-scenarios.ts';

const [version = ''] = process.argv.slice(2);
const folder = fileURLToPath(new URL(`./histories/${version}/`, import.meta.url));
if (!/^\d+\.\d+\.\d+$/.test(version) || existsSync(folder)) {
  console.error(
    'usage: npm run histories:record -- VERSION   (as 0.2.0; a version that is recorded already is never replaced)',
  );
  process.exit(2);
}

// Scripted failures would fill the screen.
Runtime.install({ logger: { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} } });

await runUntilStopped(
  async (onHandle) => {
    const home = await mkdtemp(path.join(os.tmpdir(), 'konstruct-histories-'));
    const stack = await startStack({ home, ephemeral: true, want: ['temporal'], env: process.env, onHandle });
    const temporal = { address: stack.urls.TEMPORAL_ADDRESS ?? '', namespace: 'default' };
    await prepareNamespace(temporal);
    await mkdir(folder, { recursive: true });
    for (const scenario of [...SCENARIOS, ...STORAGE]) {
      for (const [name, history] of Object.entries(await record(scenario, temporal))) {
        await writeFile(path.join(folder, `${name}.json`), `${history}\n`);
        console.log(name);
      }
    }
    await stack.stop();
    await rm(home, { recursive: true, force: true });
    process.exit(0);
  },
  { stopIsSuccess: false },
);

/** Plays a scenario on workers of its own; its histories as JSON, by name. */
async function record(
  scenario: Scenario,
  config: { address: string; namespace: string },
): Promise<Record<string, string>> {
  const client = lazyClient(config, NO_KEYS);
  const connection = await connectWorker(config);
  const calls: string[] = [];
  const parts = {
    connection,
    namespace: config.namespace,
    activities: fakeActivities(calls, scenario.activities),
  };
  const bundle = await workflowBundle();
  const workers = scenario.slots
    ? await createSmallWorkers(
        { ...parts, dataConverter: dataConverter(NO_KEYS), workflowBundle: bundle },
        scenario.slots,
      )
    : await createWorkers({ ...parts, keys: NO_KEYS, bundle, callsAtOnce: 200 });
  let running: Promise<unknown> = Promise.resolve();
  const startWorkers = () => void (running = Promise.all(workers.map((worker) => worker.run())));
  if (!scenario.startsAlone) startWorkers();
  const handleOf = (workflowId: string) => client.workflow.getHandle(workflowId);
  const stage: Stage = {
    start: (input) =>
      startTurn({ temporal: client, encryption: { keys: NO_KEYS, hashUserIds: false } }, input, {
        deadline: Date.now() + 10_000,
      }),
    run: (type, workflowId, args) =>
      client.workflow.start(type, { workflowId, args, taskQueue: EMBEDDING_TASK_QUEUE }),
    erase: (input) => startErasure(client, input, Date.now() + 10_000),
    cancel: (workflowId) => handleOf(workflowId).cancel(),
    closed: (workflowId) =>
      handleOf(workflowId)
        .result()
        .catch(() => undefined),
    begun: async (activity: keyof Activities, times = 1) => {
      while (calls.filter((name) => name === activity).length < times) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
    follow: (workflowId, follower) =>
      handleOf(workflowId).signal('followerWaiting', { workflowId: follower }),
    startWorkers,
  };
  const named = await scenario.play(stage);
  const histories: Record<string, string> = {};
  for (const [name, workflowId] of Object.entries(named)) {
    histories[name] = historyToJSON(await handleOf(workflowId).fetchHistory());
  }
  for (const worker of workers) worker.shutdown();
  await running;
  await Promise.all([connection.close(), client.connection.close()]);
  return histories;
}

/** Workers with few slots for workflow tasks, so that tasks wait and events come together. */
function createSmallWorkers(parts: Omit<WorkerOptions, 'taskQueue'>, slots: number): Promise<Worker[]> {
  const options = {
    ...parts,
    maxConcurrentWorkflowTaskExecutions: slots,
    maxConcurrentWorkflowTaskPolls: slots,
  };
  return Promise.all(
    [REPLY_TASK_QUEUE, EMBEDDING_TASK_QUEUE].map((taskQueue) => Worker.create({ ...options, taskQueue })),
  );
}
