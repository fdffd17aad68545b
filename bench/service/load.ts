import { within } from '../../src/lib/within.ts';
import { cpuOf, type CpuByName } from './cpu.ts';
import { now } from './stand-in.ts';
import type { SystemUnderTest } from './system.ts';

/** A message's number is used once in a run, so that no reply can be taken for another's. */
let nextNumber = 1;

export type LoadOptions = {
  messages: number;
  inFlight: number;
  /** Messages rotate among this many users. Each must stay below the rate limit of 60 a minute. */
  users: number;
  /** Also wait until every memory is stored. */
  untilStored: boolean;
};

export type LoadResult = {
  messages: number;
  inFlight: number;
  /** Milliseconds from sending to the reply's arrival, sorted. */
  latencies: number[];
  /** Over the time from the first message sent to the last reply received. */
  repliesPerSecond: number;
  /** Over the time from the first message sent until the last memory is stored. */
  completePerSecond: number;
  /** From the last reply to the last memory. */
  drainMs: number;
  /** CPU milliseconds per message by process group. */
  cpuMs: CpuByName;
  numbers: { number: number; sentAt: number; arrivedAt: number }[];
};

const GIVE_UP_MS = 300_000;

/**
 * Sends messages, `inFlight` at a time, and measures. Rejects
 * when a reply or a memory takes more than 5 minutes.
 */
export async function runLoad(system: SystemUnderTest, options: LoadOptions): Promise<LoadResult> {
  const { messages, inFlight, users } = options;
  const first = nextNumber;
  nextNumber += messages;
  const storedBefore = options.untilStored ? await system.storedMemories() : 0;
  const cpuBefore = cpuOf(system.processes());
  const started = now();
  const numbers: LoadResult['numbers'] = [];
  let next = first;
  const lane = async (): Promise<void> => {
    while (next < first + messages) {
      const number = next++;
      const { sentAt, arrived } = await system.send(number, `U${(number % users) + 1}`);
      numbers.push({ number, sentAt, arrivedAt: await arrival(arrived, `the reply to message ${number}`) });
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  const replied = now();
  if (options.untilStored) await untilStored(system, storedBefore + 2 * messages);
  const stored = now();
  const cpuAfter = cpuOf(system.processes());
  return {
    messages,
    inFlight,
    latencies: numbers.map(({ sentAt, arrivedAt }) => arrivedAt - sentAt).sort((a, b) => a - b),
    repliesPerSecond: (messages * 1000) / (replied - started),
    completePerSecond: (messages * 1000) / (stored - started),
    drainMs: stored - replied,
    cpuMs: Object.fromEntries(
      Object.entries(cpuAfter).map(([name, ms]) => [name, (ms - (cpuBefore[name] ?? 0)) / messages]),
    ),
    numbers,
  };
}

/** Waits until at least `memories` are stored. */
async function untilStored(system: SystemUnderTest, memories: number): Promise<void> {
  const deadline = now() + GIVE_UP_MS;
  while ((await system.storedMemories()) < memories) {
    if (now() > deadline) throw new Error(`${system.name}: memories are missing after 5 minutes`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Waits for what a bench waits for, and names it when it does not come. */
async function arrival<T>(arriving: Promise<T>, what: string): Promise<T> {
  try {
    return await within(GIVE_UP_MS, arriving);
  } catch (error) {
    throw new Error(`${what} did not come within 5 minutes`, { cause: error });
  }
}
