/** A run of the bench, as tables for people and one line of JSON for machines. */
import { execFileSync } from 'node:child_process';
import os from 'node:os';
import type { LoadResult } from './service/load.ts';
import type { Comparison } from './service/compare.ts';
import type { RecallResult } from './scale/recall-scale.ts';
import type { Lengths } from './service/texts.ts';
import { latencyOf, type ServiceResult } from './service/service.ts';

export type Report = {
  quick: boolean;
  /** How long the messages and answers were. */
  lengths: Lengths;
  /** Which Temporal it was measured with. */
  temporal: string;
  service?: ServiceResult;
  /** By number of worker processes beside two APIs, 50 in flight. */
  workers?: WorkersRow[];
  comparison?: Comparison;
  recall?: RecallResult;
};

export type WorkersRow = {
  processes: number;
  repliesPerSecond: number;
  completePerSecond: number;
  /** CPU milliseconds a reply: of APIs and workers, and of Temporal with its database. */
  ownCpuMs: number;
  temporalCpuMs: number;
};

export function workersRow(processes: number, load: LoadResult): WorkersRow {
  const { repliesPerSecond, completePerSecond, cpuMs } = load;
  const sum = (names: RegExp): number =>
    Object.entries(cpuMs).reduce((all, [name, ms]) => (names.test(name) ? all + ms : all), 0);
  const parts = { ownCpuMs: sum(/^(api|worker)/), temporalCpuMs: sum(/^temporal/) };
  return { processes, repliesPerSecond, completePerSecond, ...parts };
}

/** The machine that the numbers are of. */
function machine(): string {
  const cpu = os.cpus();
  return `${cpu.length} × ${cpu[0]?.model.trim() ?? 'unknown'}, ${Math.round(os.totalmem() / 2 ** 30)} GB, ${os.type()} ${os.release()}, Node ${process.versions.node}`;
}

/** Markdown tables, which read well on a terminal too. */
export function tables(report: Report): string {
  const { service, workers, comparison, recall } = report;
  return [
    `Machine: ${machine()}. Load average when the run ended: ${os
      .loadavg()
      .map((load) => load.toFixed(1))
      .join(', ')}. Revision ${revision()}. Temporal: ${report.temporal}. Texts: ${report.lengths}.`,
    comparison && comparisonTable(comparison),
    service && serviceTables(service),
    workers &&
      table(
        ['workers', 'replies/s', 'until stored', 'own CPU-ms a reply', 'Temporal’s CPU-ms'],
        workers.map((row) => [
          row.processes,
          row.repliesPerSecond,
          row.completePerSecond,
          row.ownCpuMs,
          row.temporalCpuMs,
        ]),
      ),
    recall && recallTables(recall),
  ]
    .filter((part) => part !== undefined)
    .join('\n\n');
}

/** One line of JSON. */
export function jsonLine(report: Report): string {
  const { service, comparison } = report;
  return toJson({
    bench: 'konstruct',
    ...circumstances(),
    ...(comparison && { ratios: comparison.ratios }),
    ...report,
    ...(service && { service: withoutLists(service) }),
  });
}

/** Four digits of each number: the machine's noise begins at the second. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'number' ? Number(part.toPrecision(4)) : part,
  );
}

/** What a reader must know to compare two runs. */
export function circumstances() {
  return { revision: revision(), machine: machine(), loadAverage: os.loadavg() };
}

/** A service's results with each load's p50 and p95 in place of its single messages. */
export function withoutLists(service: ServiceResult) {
  const loads = service.loads.map(({ latencies, numbers: _, ...load }) => {
    const { p50, p95 } = latencyOf({ latencies });
    return { ...load, p50, p95 };
  });
  return { ...service, loads };
}

function comparisonTable({ ours, peer, ratios, rounds }: Comparison): string {
  const row = (name: string, a: number, b: number, ratio: number) => [name, a, b, ratio.toFixed(2)];
  return (
    table(
      [`${rounds.length} rounds in turn`, 'Konstruct', 'Celery peer', 'ratio'],
      [
        row('latency one at a time, p50 ms', ours.p50, peer.p50, ratios.p50),
        row('latency one at a time, p95 ms', ours.p95, peer.p95, ratios.p95),
        row(
          'replies/s, 50 in flight, until all is stored',
          ours.completePerSecond,
          peer.completePerSecond,
          ratios.throughput,
        ),
        row(
          'replies/s, 50 in flight, until all is posted',
          ours.repliesPerSecond,
          peer.repliesPerSecond,
          ours.repliesPerSecond / peer.repliesPerSecond,
        ),
        row('CPU-ms a reply in own processes', ours.ownCpuMs, peer.ownCpuMs, ratios.cpu),
      ],
    ) +
    `\n\nBy round (p50 ours/peer, throughput ours/peer): ` +
    rounds
      .map(
        ({ ours: a, peer: b }) =>
          `${(a.p50 / b.p50).toFixed(2)}, ${(a.completePerSecond / b.completePerSecond).toFixed(2)}`,
      )
      .join('; ') +
    '.'
  );
}

function serviceTables(service: ServiceResult): string {
  const { latency, times, loads, withBackfills, peakMemoryMb } = withoutLists(service);
  const processes = Object.keys(loads[0]?.cpuMs ?? {});
  return [
    table(
      ['one at a time, ms', 'p50', 'p95', 'p99', 'max'],
      [
        ['alone', latency.p50, latency.p95, latency.p99, latency.max],
        [
          `with ${withBackfills.waitingAtStart} backfills waiting (${withBackfills.waitingAtEnd} at the end)`,
          withBackfills.p50,
          withBackfills.p95,
          withBackfills.p99,
          withBackfills.max,
        ],
      ],
    ),
    `p95 with backfills waiting: ${withBackfills.p95Ratio.toFixed(2)} × that without, measured just before. ` +
      `Backfill lag one at a time: p50 ${times.backfillLagMs.p50.toFixed(0)} ms, p95 ${times.backfillLagMs.p95.toFixed(0)} ms.`,
    table(['step', 'median ms'], Object.entries(times.steps)),
    table(
      [
        'in flight',
        'replies/s',
        'until stored',
        'p50 ms',
        'p95 ms',
        ...processes.map((name) => `${name} CPU-ms`),
      ],
      loads.map((load) => [
        load.inFlight,
        load.repliesPerSecond,
        load.completePerSecond,
        load.p50,
        load.p95,
        ...processes.map((name) => load.cpuMs[name] ?? 0),
      ]),
    ),
    table(['process', 'peak MB'], Object.entries(peakMemoryMb)),
  ].join('\n\n');
}

function recallTables({ rows, hybrid, inserts, indexSeconds }: RecallResult): string {
  return [
    table(
      ['memories', 'in the scope', 'in flight', 'p50 ms', 'p95 ms', 'recall@3'],
      rows.map((row) => [row.total, row.scopeSize, row.inFlight, row.p50, row.p95, row.recallAt3.toFixed(3)]),
    ),
    `The last index was built in ${indexSeconds.toFixed(0)} s. Inserts per second with it in place: ` +
      inserts
        .map(({ inFlight, perSecond }) => `${perSecond.toFixed(0)} at ${inFlight} in flight`)
        .join(', ') +
      '.',
    table(
      ['recall by exchange: exchanges in the scope', 'in flight', 'p50 ms', 'p95 ms'],
      hybrid.map((row) => [row.exchanges, row.inFlight, row.p50, row.p95]),
    ),
  ].join('\n\n');
}

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const cell = (value: string | number): string =>
    typeof value === 'string' ? value : Number.isInteger(value) ? String(value) : value.toFixed(1);
  const lines = [head, ...rows.map((row) => row.map(cell))];
  const widths = head.map((_, i) => Math.max(3, ...lines.map((line) => line[i]?.length ?? 0)));
  const draw = (line: readonly string[]): string =>
    `| ${line.map((value, i) => (i === 0 ? value.padEnd(widths[i] ?? 0) : value.padStart(widths[i] ?? 0))).join(' | ')} |`;
  const rule = widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  return [draw(head), draw(rule), ...lines.slice(1).map(draw)].join('\n');
}

function revision(): string {
  try {
    const git = (...args: string[]): string => execFileSync('git', args, { encoding: 'utf8' }).trim();
    return git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain', 'src') ? ' with changes' : '');
  } catch {
    return 'unknown';
  }
}
