/** Measures Konstruct and the peer in alternation (A B A B), each alone on the machine. */
import type { LoadResult } from './load.ts';
import { latencyOf, parallel, serial, warmUp } from './service.ts';
import type { SystemUnderTest } from './system.ts';

export type Ratios = { p50: number; p95: number; throughput: number; cpu: number };

type Round = { serial: LoadResult; load: LoadResult; ownCpuMs: number };
export type Side = {
  p50: number;
  p95: number;
  repliesPerSecond: number;
  completePerSecond: number;
  ownCpuMs: number;
};
export type Comparison = { ours: Side; peer: Side; ratios: Ratios; rounds: { ours: Side; peer: Side }[] };

const IN_FLIGHT = 50;

/**
 * Starts a system for each round and stops it after: an idle system would take processor time from the other.
 */
export async function compare(options: {
  startOurs: () => Promise<SystemUnderTest>;
  startPeer: () => Promise<SystemUnderTest>;
  rounds: number;
  sizes: { serial: number; load: number };
  log: (line: string) => void;
}): Promise<Comparison> {
  const { rounds, sizes, log } = options;
  const ours: Round[] = [];
  const peer: Round[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    for (const [start, results] of [
      [options.startOurs, ours],
      [options.startPeer, peer],
    ] as const) {
      const system = await start();
      log(`round ${round} of ${rounds}: ${system.name} …`);
      await warmUp(system);
      const single = await serial(system, sizes.serial);
      const load = await parallel(system, IN_FLIGHT, sizes.load);
      const ownCpuMs = system.own.reduce((sum, name) => sum + (load.cpuMs[name] ?? 0), 0);
      results.push({ serial: single, load, ownCpuMs });
      await system.stop();
    }
  }
  const [a, b] = [summary(ours), summary(peer)];
  return {
    ours: a,
    peer: b,
    ratios: {
      p50: a.p50 / b.p50,
      p95: a.p95 / b.p95,
      throughput: a.completePerSecond / b.completePerSecond,
      cpu: a.ownCpuMs / b.ownCpuMs,
    },
    rounds: ours.map((round, i) => ({ ours: summary([round]), peer: summary(peer.slice(i, i + 1)) })),
  };
}

/** Percentiles over the latencies of all rounds, and means of the other figures. */
function summary(rounds: readonly Round[]): Side {
  const mean = (of: (round: Round) => number): number =>
    rounds.reduce((sum, round) => sum + of(round), 0) / rounds.length;
  const latencies = rounds.flatMap((round) => round.serial.latencies).sort((a, b) => a - b);
  const { p50, p95 } = latencyOf({ latencies });
  return {
    p50,
    p95,
    repliesPerSecond: mean(({ load }) => load.repliesPerSecond),
    completePerSecond: mean(({ load }) => load.completePerSecond),
    ownCpuMs: mean(({ ownCpuMs }) => ownCpuMs),
  };
}
