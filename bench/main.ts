/**
 * `npm run bench [-- options]`: measures Konstruct on a stack of its own, and prints tables and one line of
 * JSON.
 *
 * - `--peer`: also measures the Celery peer, in alternation, with the ratios. The first run downloads 3 GB.
 * - `--quick`: takes a minute, with fewer messages and a smaller memory.
 * - `--only PART`: measures one part: service, workers, peer or recall.
 * - `--cluster`: with Temporal's own server and a Postgres for it, in place of the dev server.
 * - `--temporal ADDRESS`: with a Temporal that runs already, in a namespace that is removed at the end.
 * - `--clear`: without encryption in Temporal.
 * - `--real`: messages of a person's 5 to 60 words and answers of 30 to 600, in place of a sentence each.
 * - `--http`: sends messages over HTTP instead of Slack.
 * - `--write`: writes the results to docs/PERFORMANCE.md and the charts to docs/charts.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { compare } from './service/compare.ts';
import { writeDocuments } from './documents.ts';
import { addApi, addWorker, startKonstruct, type Konstruct } from './service/konstruct.ts';
import { startPeer } from './service/peer.ts';
import { FULL_RECALL, measureRecall, QUICK_RECALL } from './scale/recall-scale.ts';
import { jsonLine, tables, workersRow, type Report } from './report.ts';
import { FULL, measureService, parallel, QUICK, warmUp } from './service/service.ts';
import { nameOf } from './service/temporal.ts';
import { startStandIn } from './service/stand-in.ts';
import type { Lengths } from './service/texts.ts';
import { StackError, type StackHandle } from '../local/stack/index.ts';
import { runUntilStopped } from '../local/stack/run-until-stopped.ts';

const PARTS = ['peer', 'service', 'workers', 'recall'] as const;
type Part = (typeof PARTS)[number];

const { values: options } = parseArgs({
  options: {
    peer: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    http: { type: 'boolean', default: false },
    cluster: { type: 'boolean', default: false },
    temporal: { type: 'string' },
    clear: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    real: { type: 'boolean', default: false },
  },
});
const { quick } = options;
const lengths: Lengths = options.real ? 'real' : 'short';
/** Worker processes beside two APIs and one Temporal. */
const WORKERS = [1, 2, 4];
const temporal = { cluster: options.cluster, ...(options.temporal && { address: options.temporal }) };
/** How every system is started. */
const chosen = { channel: options.http ? 'http' : 'slack', clear: options.clear, temporal } as const;
const { env } = process;
const log = (line: string): void => void process.stderr.write(`  ${line}\n`);

function partsToMeasure(): readonly Part[] {
  const { only } = options;
  if (only === undefined) return PARTS.filter((part) => part !== 'peer' || options.peer);
  const part = PARTS.find((name) => name === only);
  if (!part) throw new StackError(`--only ${only}: must be one of ${PARTS.join(', ')}`);
  return [part];
}

type OnHandle = (handle: StackHandle) => void;

/** The parts of the benchmark. Each adds its results to the report. */
const measure: Record<Part, (report: Report, onHandle: OnHandle) => Promise<void>> = {
  async peer(report, onHandle) {
    await withStandIn(async (standIn) => {
      const fresh = { standIn, env, onHandle };
      report.comparison = await compare({
        rounds: quick ? 1 : 4,
        sizes: quick ? { serial: 60, load: 150 } : { serial: 100, load: 400 },
        startOurs: () => withHome((home) => startKonstruct({ ...fresh, ...chosen, home })),
        startPeer: () => withHome((home) => startPeer({ ...fresh, home, log })),
        log,
      });
    });
  },
  async service(report, onHandle) {
    await withKonstruct(onHandle, async (konstruct, standIn) => {
      await warmUp(konstruct);
      report.service = await measureService(konstruct, standIn, quick ? QUICK : FULL, log);
    });
  },
  async workers(report, onHandle) {
    if (quick) return;
    report.workers = [];
    for (const processes of WORKERS) {
      await withKonstruct(onHandle, async (first) => {
        const konstruct = await addApi(first, 2);
        for (let n = 2; n <= processes; n += 1) await addWorker(konstruct, n);
        await warmUp(konstruct);
        const load = await parallel(konstruct, 50, 400);
        report.workers?.push(workersRow(processes, load));
      });
    }
  },
  async recall(report, onHandle) {
    const sizes = quick ? QUICK_RECALL : FULL_RECALL;
    const home = await makeHome();
    report.recall = await measureRecall(sizes, { home, env, onHandle, log });
    await rm(home, { recursive: true, force: true });
  },
};

const makeHome = (): Promise<string> => mkdtemp(path.join(os.tmpdir(), 'konstruct-bench-'));

async function withStandIn(work: (standIn: Awaited<ReturnType<typeof startStandIn>>) => Promise<void>) {
  const standIn = await startStandIn({ lengths });
  await work(standIn);
  await standIn.close();
}

async function withKonstruct(
  onHandle: OnHandle,
  work: (konstruct: Konstruct, standIn: Awaited<ReturnType<typeof startStandIn>>) => Promise<void>,
): Promise<void> {
  await withStandIn(async (standIn) => {
    const start = (home: string) => startKonstruct({ ...chosen, home, standIn, env, onHandle });
    const konstruct = await withHome(start);
    await work(konstruct, standIn);
    await konstruct.stop();
  });
}

/** Starts a system in a new home, which is removed when the system stops. */
async function withHome<S extends { stop(): Promise<void> }>(
  start: (home: string) => Promise<S>,
): Promise<S> {
  const home = await makeHome();
  const system = await start(home);
  return {
    ...system,
    async stop() {
      await system.stop();
      await rm(home, { recursive: true, force: true });
    },
  };
}

await runUntilStopped(
  async (onHandle) => {
    const parts = partsToMeasure();
    const report: Report = { quick, lengths, temporal: nameOf(temporal) };
    for (const part of parts) {
      log(`${part}:`);
      await measure[part](report, onHandle);
    }
    process.stdout.write(`\n${tables(report)}\n\n${jsonLine(report)}\n`);
    if (options.write) await writeDocuments(report);
    process.exit(0);
  },
  { stopIsSuccess: false },
);
