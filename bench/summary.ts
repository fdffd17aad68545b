/** The few figures of each part of the bench that docs/PERFORMANCE.md shows, beside their targets. */
import type { Comparison } from './service/compare.ts';
import { withoutLists, type Report } from './report.ts';
import type { RecallResult } from './scale/recall-scale.ts';
import type { ServiceResult } from './service/service.ts';

/** `target` is empty where none is set. */
export type Figure = { measure: string; target: string; result: string };

/** One part's results, as bench/results keeps them. */
export type Part = {
  name: (typeof PARTS)[number];
  /** What was measured, for a reader of the file. */
  what: string;
  summary: Figure[];
  result: unknown;
};

/** In the order in which the page shows them. */
export const PARTS = ['peer', 'service', 'workers', 'recall'] as const;

/** The parts that a run has measured. */
export function partsOf({ comparison, service, workers, recall }: Report): Part[] {
  const parts: (Part | undefined)[] = [
    comparison && {
      name: 'peer',
      what: 'Konstruct and the Celery peer of bench/peer in turn, each started anew and alone: one message at a time, then 50 in flight.',
      summary: figuresOfComparison(comparison),
      result: comparison,
    },
    service && {
      name: 'service',
      what: 'Konstruct alone: latency one message at a time, by step, with backfills waiting, and under load.',
      summary: figuresOfService(service),
      result: withoutLists(service),
    },
    workers && {
      name: 'workers',
      what: 'Replies per second by number of worker processes on one machine, 50 in flight.',
      summary: [],
      result: workers,
    },
    recall && {
      name: 'recall',
      what: 'Recall in a full memory, by size of the scope and of the table: single messages by cosine, checked by brute force, and exchanges.',
      summary: figuresOfRecall(recall),
      result: recall,
    },
  ];
  return parts.filter((part) => part !== undefined);
}

function figuresOfComparison({ ours, peer, ratios }: Comparison): Figure[] {
  return [
    {
      measure: 'p50 one at a time, against the peer',
      target: '≤ 0.8 ×',
      result: `${ratios.p50.toFixed(2)} × (${ours.p50.toFixed(1)} against ${peer.p50.toFixed(1)} ms)`,
    },
    {
      measure: 'replies/s until stored, 50 in flight, against the peer',
      target: '≥ 1.3 ×',
      result: `${ratios.throughput.toFixed(2)} × (${ours.completePerSecond.toFixed(1)} against ${peer.completePerSecond.toFixed(1)})`,
    },
    {
      measure: 'CPU per reply in own processes, against the peer',
      target: '≤ 0.6 ×',
      result: `${ratios.cpu.toFixed(2)} × (${ours.ownCpuMs.toFixed(1)} against ${peer.ownCpuMs.toFixed(1)} ms)`,
    },
  ];
}

function figuresOfService({ latency, loads, withBackfills }: ServiceResult): Figure[] {
  const fifty = loads.find(({ inFlight }) => inFlight === 50);
  return [
    {
      measure: `p95 with ${withBackfills.waitingAtStart} backfills waiting, against none`,
      target: '≤ 1.3 ×',
      result: `${withBackfills.p95Ratio.toFixed(2)} ×`,
    },
    {
      measure: 'p50 and p95 one at a time',
      target: '',
      result: `${latency.p50.toFixed(1)} and ${latency.p95.toFixed(1)} ms`,
    },
    ...(fifty
      ? [
          {
            measure: 'replies/s until stored, 50 in flight',
            target: '',
            result: fifty.completePerSecond.toFixed(1),
          },
        ]
      : []),
  ];
}

function figuresOfRecall({ rows, hybrid }: RecallResult): Figure[] {
  const largest = Math.max(...rows.map(({ total }) => total));
  const byCosine = (size: number, target: string): Figure[] =>
    rows
      .filter((row) => row.total === largest && row.scopeSize === size && row.inFlight === 1)
      .map(({ p95, recallAt3 }) => ({
        measure: `cosine recall in a scope of ${thousands(size)} of ${thousands(largest)}`,
        target,
        result: `p95 ${p95.toFixed(1)} ms, recall@3 ${recallAt3.toFixed(3)}`,
      }));
  const byExchange = hybrid
    .filter(({ exchanges, inFlight }) => exchanges === 5_000 && inFlight === 1)
    .map(({ p95 }) => ({
      measure: 'recall by exchange in a scope of 5,000',
      target: 'p95 ≤ 15 ms',
      result: `p95 ${p95.toFixed(1)} ms`,
    }));
  return [
    ...byCosine(5_000, 'p95 ≤ 15 ms, recall@3 1.0'),
    ...byCosine(50_000, 'p95 ≤ 40 ms, recall@3 ≥ 0.98'),
    ...byExchange,
  ];
}

const thousands = (count: number): string => count.toLocaleString('en');
