/** Decides from a seed which faults, messages and erasures a run is made of. */
import { HOSTILE_TEXTS } from '../support/hostile-texts.ts';
import { createRandom, type Random } from './random.ts';

export const VICTIMS = ['worker', 'api', 'redis', 'postgres', 'temporal', 'temporal-postgres'] as const;
export type Victim = (typeof VICTIMS)[number];

/** kill: SIGKILL and restart at once. pause: SIGSTOP, later SIGCONT. away: SIGKILL and a later restart. */
export type FaultKind = 'kill' | 'pause' | 'away';
export type Fault = { atMs: number; victim: Victim; kind: FaultKind; forMs: number };

/** A message to send: the number of its scope, its time, and whether it is delivered twice. */
export type PlannedMessage = { key: string; scope: number; atMs: number; text: string; deliveries: 1 | 2 };

/** When everything of a scope is to be forgotten. */
export type PlannedErasure = { scope: number; atMs: number };

export type Plan = {
  faults: Fault[];
  messages: PlannedMessage[];
  erasures: PlannedErasure[];
  scopes: number;
};

export type PlanOptions = {
  seed: number;
  minutes: number;
  victims: readonly Victim[];
  /** Whether a hostile tenant writes beside the others. */
  hostile: boolean;
  /** Whether scopes are erased. */
  forget: boolean;
};

/** Scopes of one tenant. */
export const SCOPES_PER_TENANT = 12;
const TENANTS = 3;
const SCOPES = TENANTS * SCOPES_PER_TENANT;
const MESSAGES_PER_MINUTE = 120;
const ERASURES_PER_MINUTE = 20;
const HOSTILE_MESSAGES_PER_MINUTE = 20;
/** Many short ones, and some that cost the model what one message may cost. */
const HOSTILE_LENGTHS = [200, 1_000, 1_000, 4_000, 16_000];
const LONGEST_AWAY_MS = 60_000;

/**
 * Plans all faults and messages of a run. The same seed gives the same plan; a hostile tenant's messages and
 * erasures come on top.
 */
export function makePlan({ seed, minutes, victims, hostile, forget }: PlanOptions): Plan {
  const random = createRandom(seed);
  const lengthMs = Math.round(minutes * 60_000);
  const faults = planFaults(random, lengthMs, victims);
  const messages = planMessages(random, lengthMs, Math.max(60, Math.round(minutes * MESSAGES_PER_MINUTE)));
  const hostileCount = Math.max(10, Math.round(minutes * HOSTILE_MESSAGES_PER_MINUTE));
  const more = hostile ? planHostileMessages(random, lengthMs, hostileCount) : [];
  const erasures = forget ? planErasures(random, lengthMs, Math.ceil(minutes * ERASURES_PER_MINUTE)) : [];
  const scopes = hostile ? SCOPES + SCOPES_PER_TENANT : SCOPES;
  return { scopes, faults, messages: [...messages, ...more], erasures };
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

/** Mostly of the scopes that get many messages, at any time but the first. */
function planErasures(random: Random, lengthMs: number, count: number): PlannedErasure[] {
  return Array.from({ length: count }, () => ({
    scope: pickScope(random),
    atMs: random.between(Math.round(lengthMs / 8), lengthMs),
  }));
}

/** Squared, so that a few scopes are picked often and most seldom. */
const pickScope = (random: Random): number => Math.floor(random.next() ** 2 * SCOPES);

/** Single messages and bursts. Some scopes get more messages than a window holds. */
function planMessages(random: Random, lengthMs: number, count: number): PlannedMessage[] {
  const messages: PlannedMessage[] = [];
  while (messages.length < count) {
    const scope = pickScope(random);
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

/** Their second line is hostile; the first is as everybody's: a reply shows which message it answers. */
function planHostileMessages(random: Random, lengthMs: number, count: number): PlannedMessage[] {
  return Array.from({ length: count }, (_, i) => {
    const key = `${HOSTILE_KEY}${i + 1}`;
    const scope = SCOPES + random.between(0, SCOPES_PER_TENANT - 1);
    const text = `Message ${key} of scope ${scope}: hostile\n${hostileText(random)}`;
    return { key, scope, atMs: random.between(0, lengthMs), text, deliveries: 1 };
  });
}

/** What a reply repeats of a message, and shows first. */
export const firstLine = (text: string): string => text.split('\n', 1)[0] ?? '';

const HOSTILE_KEY = 'hostile';

/** Whether a text is one of the hostile tenant's messages. */
export const isHostile = (text: string): boolean => text.startsWith(`Message ${HOSTILE_KEY}`);

/** A text of one of the shapes that careless code stumbles over. */
export function hostileText(random: Random): string {
  const shape = random.pick(Object.values(HOSTILE_TEXTS));
  // Cut to a length, it may end in half a character.
  return shape(random.pick(HOSTILE_LENGTHS)).toWellFormed();
}
