import { INTAKE_ENTRY_MS, PACED_WITHIN_MS } from '../domain/timing.ts';
import { createLeastOf } from '../lib/least-of.ts';
import type { OverShare } from './outcomes.ts';

/** A tenant counts as there for this long after its last message or read, and what it was slow by as well. */
const THERE_FOR_MS = 60_000;
/** The usual time of accepting is the least of the last five to ten minutes. */
const USUAL_OF_MS = 5 * 60_000;
/** Accepting is slow from so many times the usual on: some messages always take longer than the quickest. */
const SLOW_FROM = 1.5;
/** A tenant's own usual time, that of long messages say, is at most so many times the least of anybody's. */
const LONGEST_USUAL = 3;
/** So many messages of a tenant come in at once. */
const BURST = 10;
/** Beyond that, a tenant pauses for so many times what accepting is slow by, at most `LONGEST_PAUSE_MS`. */
const PAUSES = 24;
const LONGEST_PAUSE_MS = 400;
/** A shorter pause is none. What waits is counted in pauses, so it must not come near to nothing. */
const SHORTEST_PAUSE_MS = 0.01;
/** How much the newest time counts in the mean. */
const NEWEST = 0.1;
/** One message counts as no slower than this: twice what makes for the longest pause. */
const SLOWEST_MS = (2 * LONGEST_PAUSE_MS) / PAUSES;
/** What was slow so long ago counts half: the machine may be idle by now, and nothing comes that tells. */
const HALVED_EVERY_MS = 5_000;
/** What the others are slow by is summed up once in this time. */
const COMMON_EVERY_MS = 1_000;

/**
 * A message comes in; call `accepted` with how long accepting it took, if it is a new one. Or it would have
 * to wait for too long.
 */
export type Entry = { accepted: (tookMs: number) => void } | { retryAfterMs: number };

/**
 * Lets messages in: waits for up to `withinMs` until one of this tenant may come in. It counts as `cost`
 * messages, one unless given.
 */
export type Pace = (tenantId: string, withinMs: number, cost?: number) => Promise<Entry>;

/** A message of so many letters counts as one; beyond that each thousand is one more to look up and store. */
const USUAL_LETTERS = 4_000;

/** As how many messages of usual length one with this text counts. */
const costOf = (text: string): number => 1 + Math.max(0, text.length - USUAL_LETTERS) / 1_000;

/** A tenant that is there. */
type Tenant = {
  seenAt: number;
  /** How many messages it had left of its burst then: less than nothing while some wait. */
  left: number;
  /** How far apart it came in then. */
  pauseMs: number;
  /** The usual time of its own messages. */
  usual: ReturnType<typeof createLeastOf>;
  /** By how much accepting its messages was slow, in the mean, and when the last one was accepted. */
  slowByMs: number;
  acceptedAt: number;
};

/**
 * While other tenants are there, a tenant whose burst is spent comes in message by message, the further apart
 * the more slowly its messages are accepted. So a flood leaves the machine to the turns that were accepted,
 * and a quiet tenant never waits. Whoever is alone comes in at once, and so does everybody while accepting is
 * as quick as usual.
 *
 * What a tenant waits for goes by its own messages: no other can make it wait but by making the machine slow.
 * Whoever only reads goes by the lower median of the others, which no single one of several moves.
 */
export function createPace(): Pace {
  const leastOfAll = createLeastOf(USUAL_OF_MS);
  /** The tenants that are there, the one seen last at the end. */
  const there = new Map<string, Tenant>();
  const common = { slowByMs: 0, at: -Infinity };

  const see = (tenantId: string, now: number): Tenant => {
    const known = there.get(tenantId);
    const tenant = known ?? {
      ...{ seenAt: now, left: BURST, pauseMs: 0 },
      ...{ usual: createLeastOf(USUAL_OF_MS), slowByMs: 0, acceptedAt: -Infinity },
    };
    there.delete(tenantId);
    there.set(tenantId, tenant);
    return tenant;
  };

  const forgetGone = (now: number): void => {
    for (const [tenantId, { seenAt }] of there) {
      if (now - seenAt <= THERE_FOR_MS) return;
      there.delete(tenantId);
    }
  };

  const pauseOf = (tenant: Tenant, now: number): number => {
    const isRecent = ({ acceptedAt }: Tenant) => now - acceptedAt <= THERE_FOR_MS;
    if (!isRecent(tenant) && now - common.at >= COMMON_EVERY_MS) {
      common.slowByMs = lowerMedian(
        [...there.values()].filter(isRecent).map((other) => slownessOf(other, now)),
      );
      common.at = now;
    }
    const slowByMs = isRecent(tenant) ? slownessOf(tenant, now) : common.slowByMs;
    const pauseMs = Math.min(LONGEST_PAUSE_MS, PAUSES * slowByMs);
    return pauseMs < SHORTEST_PAUSE_MS ? 0 : pauseMs;
  };

  const note = (tenant: Tenant, tookMs: number): void => {
    tenant.usual.add(tookMs);
    leastOfAll.add(tookMs);
    const usualMs = Math.min(tenant.usual.get(), LONGEST_USUAL * leastOfAll.get());
    const slowByMs = Math.min(SLOWEST_MS, Math.max(0, tookMs - SLOW_FROM * usualMs));
    const now = performance.now();
    const before = slownessOf(tenant, now);
    tenant.slowByMs = before + NEWEST * (slowByMs - before);
    tenant.acceptedAt = now;
  };

  return async (tenantId, withinMs, cost = 1) => {
    const now = performance.now();
    const tenant = see(tenantId, now);
    const pauseMs = pauseOf(tenant, now);
    const earned = pauseMs === 0 ? BURST : (now - tenant.seenAt) / pauseMs;
    // What waits comes in when it was to, however far apart the next ones come in.
    if (tenant.left < 0 && pauseMs > 0) tenant.left *= tenant.pauseMs / pauseMs;
    tenant.left = Math.min(BURST, tenant.left + earned);
    Object.assign(tenant, { seenAt: now, pauseMs });
    forgetGone(now);
    const isAlone = there.size === 1;
    const waitMs = isAlone ? 0 : Math.max(0, Math.min(cost, 1) - tenant.left) * pauseMs;
    // Who need not wait comes in, however little time is left.
    if (waitMs > Math.max(0, withinMs)) return { retryAfterMs: Math.ceil(waitMs) };
    tenant.left = isAlone ? Math.max(0, tenant.left - cost) : tenant.left - cost;
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    return { accepted: (tookMs) => note(tenant, tookMs) };
  };
}

/** By how much accepting its messages is slow, as far as what was counted still tells. */
const slownessOf = ({ slowByMs, acceptedAt }: Tenant, now: number): number =>
  slowByMs * 0.5 ** ((now - acceptedAt) / HALVED_EVERY_MS);

/** Of an even number the lower of the two in the middle; 0 of none. */
function lowerMedian(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[(sorted.length - 1) >> 1] ?? 0;
}

/**
 * Lets in what `enter` does for a message of this tenant, which counts by its text; `over-share` when it
 * comes in too fast. `enter` is given what to tell how long accepting a new message took.
 */
export async function atPace<T extends { kind: string }>(
  pace: Pace,
  { tenantId, text }: { tenantId: string; text: string },
  deadline: number,
  enter: (accepted: (tookMs: number) => void) => Promise<T>,
): Promise<T | OverShare> {
  const withinMs = Math.min(PACED_WITHIN_MS, deadline - Date.now() - INTAKE_ENTRY_MS);
  const entry = await pace(tenantId, withinMs, costOf(text));
  if ('retryAfterMs' in entry) return { kind: 'over-share', ...entry };
  return enter(entry.accepted);
}
