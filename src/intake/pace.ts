import { INTAKE_ENTRY_MS, PACED_WITHIN_MS } from '../domain/timing.ts';
import { createLeastOf } from '../lib/least-of.ts';
import type { OverShare } from './outcomes.ts';

/** A tenant counts as there for this long after its last message. */
const THERE_FOR_MS = 60_000;
/** The usual time of accepting is the least of the last five to ten minutes. */
const USUAL_OF_MS = 5 * 60_000;
/** Accepting is slow from so many times the usual on: some requests always take longer than the quickest. */
const SLOW_FROM = 1.5;
/** So many messages of a tenant come in at once. */
const BURST = 20;
/** Beyond that, a tenant pauses for so many times what accepting is slow by, at most `LONGEST_PAUSE_MS`. */
const PAUSES = 12;
const LONGEST_PAUSE_MS = 250;
/** How much the newest time counts in the mean. */
const NEWEST = 0.1;

/** A message comes in; call `accepted` when it has been. Or it would have to wait for too long. */
export type Entry = { accepted: () => void } | { retryAfterMs: number };

/** Lets messages in: waits for up to `withinMs` until one of this tenant may come in. */
export type Pace = (tenantId: string, withinMs: number) => Promise<Entry>;

/** A tenant that is there: when it was last seen, and how many messages it had left of its burst then. */
type Tenant = { seenAt: number; left: number };

/**
 * While other tenants are there, a tenant whose burst is spent comes in message by message, the further apart
 * the more slowly messages are accepted. So a flood leaves the machine to the turns that were accepted, and a
 * quiet tenant never waits. Whoever is alone comes in at once, and so does everybody while accepting is as
 * quick as usual.
 */
export function createPace(): Pace {
  const usual = createLeastOf(USUAL_OF_MS);
  /** By how much accepting is slow, in the mean. */
  let slowByMs = 0;
  /** The tenants that are there, the one seen last at the end. */
  const there = new Map<string, Tenant>();

  const seen = (tenantId: string, now: number, pauseMs: number): Tenant => {
    const { seenAt, left } = there.get(tenantId) ?? { seenAt: now, left: BURST };
    const earned = pauseMs === 0 ? BURST : (now - seenAt) / pauseMs;
    const tenant = { seenAt: now, left: Math.min(BURST, left + earned) };
    there.delete(tenantId);
    there.set(tenantId, tenant);
    for (const [other, { seenAt: at }] of there) {
      if (now - at <= THERE_FOR_MS) break;
      there.delete(other);
    }
    return tenant;
  };

  return async (tenantId, withinMs) => {
    const pauseMs = Math.min(LONGEST_PAUSE_MS, PAUSES * slowByMs);
    const tenant = seen(tenantId, performance.now(), pauseMs);
    const isAlone = there.size === 1;
    const waitMs = isAlone ? 0 : Math.max(0, 1 - tenant.left) * pauseMs;
    if (waitMs > withinMs) return { retryAfterMs: Math.ceil(waitMs) };
    // Less than nothing is left while messages wait.
    tenant.left = isAlone ? Math.max(0, tenant.left - 1) : tenant.left - 1;
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    const since = performance.now();
    return {
      accepted() {
        const took = performance.now() - since;
        usual.add(took);
        slowByMs += NEWEST * (Math.max(0, took - SLOW_FROM * usual.get()) - slowByMs);
      },
    };
  };
}

/** Lets in what `enter` does for a message of this tenant; `over-share` when it comes in too fast. */
export async function atPace<T extends { kind: string }>(
  pace: Pace,
  tenantId: string,
  deadline: number,
  enter: () => Promise<T>,
): Promise<T | OverShare> {
  const entry = await pace(tenantId, Math.min(PACED_WITHIN_MS, deadline - Date.now() - INTAKE_ENTRY_MS));
  if ('retryAfterMs' in entry) return { kind: 'over-share', ...entry };
  const outcome = await enter();
  if (outcome.kind === 'accepted') entry.accepted();
  return outcome;
}
