/** Decides from a seed which faults and messages a run is made of. */
import { createRandom, type Random } from './random.ts';

export const VICTIMS = ['worker', 'api', 'redis', 'postgres', 'temporal'] as const;
export type Victim = (typeof VICTIMS)[number];

/** kill: SIGKILL and restart at once. pause: SIGSTOP, later SIGCONT. away: SIGKILL and a later restart. */
export type FaultKind = 'kill' | 'pause' | 'away';
export type Fault = { atMs: number; victim: Victim; kind: FaultKind; forMs: number };

/** A message to send: the number of its scope, its time, and whether it is delivered twice. */
export type PlannedMessage = { key: string; scope: number; atMs: number; text: string; deliveries: 1 | 2 };

export type Plan = { faults: Fault[]; messages: PlannedMessage[]; scopes: number };

export type PlanOptions = { seed: number; minutes: number; victims: readonly Victim[] };

const SCOPES = 36;
const MESSAGES_PER_MINUTE = 120;
const LONGEST_AWAY_MS = 60_000;

/** Plans all faults and messages of a run. The same seed gives the same plan. */
export function makePlan({ seed, minutes, victims }: PlanOptions): Plan {
  const random = createRandom(seed);
  const lengthMs = Math.round(minutes * 60_000);
  return {
    scopes: SCOPES,
    faults: planFaults(random, lengthMs, victims),
    messages: planMessages(random, lengthMs, Math.max(60, Math.round(minutes * MESSAGES_PER_MINUTE))),
  };
}

/**
 * Faults of different victims can overlap. One victim has one
 * fault at a time, and some time to work after it.
 */
function planFaults(random: Random, lengthMs: number, victims: readonly Victim[]): Fault[] {
  const faults: Fault[] = [];
  const busyUntil = new Map<Victim, number>();
  for (let atMs = 2_000; atMs < lengthMs; atMs += random.between(500, 5_000)) {
    const victim = random.pick(victims);
    const { kind, forMs } = planFault(random, lengthMs);
    // The random numbers are drawn before this check, so that later faults don't depend on it.
    if (atMs < (busyUntil.get(victim) ?? 0)) continue;
    const bounded = Math.min(forMs, lengthMs - atMs);
    faults.push({ atMs, victim, kind, forMs: bounded });
    busyUntil.set(victim, atMs + bounded + 4_000);
  }
  return faults;
}

function planFault(random: Random, lengthMs: number): { kind: FaultKind; forMs: number } {
  const chance = random.next();
  const longestAway = Math.min(LONGEST_AWAY_MS, lengthMs / 4);
  const long = random.next() < 0.25 ? longestAway : Math.min(15_000, longestAway);
  const awayMs = random.between(2_000, Math.max(2_000, long));
  const pauseMs = random.between(500, 9_000);
  if (chance < 0.45) return { kind: 'kill', forMs: 0 };
  return chance < 0.75 ? { kind: 'pause', forMs: pauseMs } : { kind: 'away', forMs: awayMs };
}

/** Single messages and bursts. Some scopes get more messages than a window holds. */
function planMessages(random: Random, lengthMs: number, count: number): PlannedMessage[] {
  const messages: PlannedMessage[] = [];
  while (messages.length < count) {
    // Squared, so that a few scopes get many messages and most get few.
    const scope = Math.floor(random.next() ** 2 * SCOPES);
    const atMs = random.between(0, lengthMs);
    const burst = random.next() < 0.2 ? random.between(2, 6) : 1;
    for (let i = 0; i < burst && messages.length < count; i += 1) {
      const key = `m${messages.length + 1}`;
      const text = `Message ${key} of scope ${scope}: note ${random.between(1, 1_000_000)}`;
      messages.push({ key, scope, atMs, text, deliveries: random.next() < 0.15 ? 2 : 1 });
    }
  }
  return messages.sort((a, b) => a.atMs - b.atMs);
}
