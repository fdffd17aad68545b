/**
 * Measures Konstruct: latency, throughput, processor time, memory, and latency with a backlog of backfills.
 */
import { percentile } from '../percentile.ts';
import { startBacklog } from './backlog.ts';
import { peakMemoryOf } from './cpu.ts';
import type { Konstruct } from './konstruct.ts';
import { runLoad, type LoadResult } from './load.ts';
import type { StandIn } from './stand-in.ts';
import { turnTimes, type TurnTimes } from './steps.ts';
import type { SystemUnderTest } from './system.ts';

export type ServiceSizes = {
  serial: number;
  loads: readonly [inFlight: number, messages: number][];
  backfills: number;
};

export const FULL: ServiceSizes = {
  // With 150 messages the p95 is the eighth largest value, which varies too much between equal runs.
  serial: 300,
  loads: [
    [10, 200],
    [50, 400],
    [200, 600],
  ],
  backfills: 2_000,
};
export const QUICK: ServiceSizes = { serial: 60, loads: [[50, 150]], backfills: 200 };

export type Latency = { p50: number; p95: number; p99: number; max: number };

export type ServiceResult = {
  latency: Latency;
  times: TurnTimes;
  loads: LoadResult[];
  withBackfills: Latency & { waitingAtStart: number; waitingAtEnd: number; p95Ratio: number };
  peakMemoryMb: Record<string, number>;
};

export const latencyOf = ({ latencies }: Pick<LoadResult, 'latencies'>): Latency => ({
  p50: percentile(latencies, 0.5),
  p95: percentile(latencies, 0.95),
  p99: percentile(latencies, 0.99),
  max: latencies.at(-1) ?? Number.NaN,
});

/** One message at a time, by enough users to stay below the rate limit. */
export const serial = (system: SystemUnderTest, messages: number): Promise<LoadResult> =>
  runLoad(system, { messages, inFlight: 1, users: 20, untilStored: true });

export const parallel = (system: SystemUnderTest, inFlight: number, messages: number): Promise<LoadResult> =>
  runLoad(system, { messages, inFlight, users: 4 * inFlight, untilStored: true });

/**
 * The first messages are slower: code is compiled, connections are opened, windows and memories are empty.
 */
export const warmUp = (system: SystemUnderTest): Promise<LoadResult> =>
  runLoad(system, { messages: 80, inFlight: 4, users: 20, untilStored: true });

/** Runs all measurements of a warmed-up system. */
export async function measureService(
  konstruct: Konstruct,
  standIn: StandIn,
  sizes: ServiceSizes,
  log: (line: string) => void,
): Promise<ServiceResult> {
  log(`one message at a time, ${sizes.serial} times …`);
  const single = await serial(konstruct, sizes.serial);
  const times = await turnTimes(konstruct, standIn, single);
  const loads: LoadResult[] = [];
  for (const [inFlight, messages] of sizes.loads) {
    log(`${messages} messages, ${inFlight} in flight …`);
    loads.push(await parallel(konstruct, inFlight, messages));
  }
  log(`one message at a time again, without and with ${sizes.backfills} backfills waiting …`);
  const alone = latencyOf(await serial(konstruct, sizes.serial));
  const backlog = await startBacklog(konstruct, sizes.backfills);
  const waitingAtStart = await backlog.waiting();
  const beside = latencyOf(
    await runLoad(konstruct, { messages: sizes.serial, inFlight: 1, users: 20, untilStored: false }),
  );
  const waitingAtEnd = await backlog.waiting();
  await backlog.done();
  return {
    latency: latencyOf(single),
    times,
    loads,
    withBackfills: { ...beside, waitingAtStart, waitingAtEnd, p95Ratio: beside.p95 / alone.p95 },
    peakMemoryMb: peakMemoryOf(konstruct.processes()),
  };
}
