/** An hour, in parts that are forgotten one by one. */
const PARTS = 12;
const PART_MS = 5 * 60_000;
/** So many more than were taken: of a few events nobody's rate is counted. */
const FREE = 20;

/** With what those have that are refused less than others: a quarter of all is acknowledged in any case. */
const MOST_OF_OTHERS = 3;

/** Stands for the tenants that aren't known. */
const NOBODY_KNOWN = '';

type Part = { since: number; taken: number; refused: Map<string, number> };

/** What became of a channel's events, in the last hour. */
export type Refusals = {
  /** One more was acknowledged. */
  taken(): void;
  /**
   * Whether one more of this tenant may be refused, so that the channel sends it again. It counts as refused
   * then. The tenant is undefined while nobody knows it.
   */
  mayRefuse(tenantId: string | undefined): boolean;
};

/**
 * A channel that sees hardly anything but failures stops delivering, and to all tenants: Slack does when
 * fewer than 5% of an hour's deliveries are acknowledged (docs.slack.dev/apis/events-api). What is refused
 * comes again, and counts again. So there may be about as many refusals as events that are taken; beyond that
 * those tenants are refused alone that were refused less than others, and whoever sent another event is told
 * that it is too many.
 *
 * It counts alike whether the tenant has its share or a service has failed it: that service may fail this one
 * alone, for what it does.
 */
export function createRefusals(now: () => number = () => performance.now()): Refusals {
  const parts: Part[] = [];
  const current = (): Part => {
    while (parts[0] && now() - parts[0].since > PARTS * PART_MS) parts.shift();
    const last = parts.at(-1);
    if (last && now() - last.since < PART_MS) return last;
    const part = { since: now(), taken: 0, refused: new Map<string, number>() };
    parts.push(part);
    return part;
  };
  return {
    taken() {
      current().taken += 1;
    },
    mayRefuse(tenantId = NOBODY_KNOWN) {
      const { refused } = current();
      const byTenant = new Map<string, number>([[tenantId, 0]]);
      let left = FREE;
      for (const part of parts) {
        left += part.taken;
        for (const [id, count] of part.refused) byTenant.set(id, (byTenant.get(id) ?? 0) + count);
      }
      let all = 0;
      for (const count of byTenant.values()) all += count;
      const isLessThanOthers = (byTenant.get(tenantId) ?? 0) < all / byTenant.size;
      if (all >= left && !(isLessThanOthers && all < MOST_OF_OTHERS * left)) return false;
      refused.set(tenantId, (refused.get(tenantId) ?? 0) + 1);
      return true;
    },
  };
}

/** No few tenants can fail together for what they do. */
const TENANTS_OF_AN_OUTAGE = 3;
const FAILING_FOR_MS = 30_000;

/** Whom services fail. */
export type Failures = {
  /** Somebody's message was accepted: the services do their work. */
  accepted(): void;
  /** A service has failed this tenant. Says whether it fails many, and nobody's message is accepted. */
  failed(tenantId: string): boolean;
};

/** What no probe shows, a Temporal that answers and starts nothing say, is seen by whom it fails. */
export function createFailures(now: () => number = () => performance.now()): Failures {
  /** When each was failed last, since a message was accepted. */
  const failing = new Map<string, number>();
  return {
    accepted: () => failing.clear(),
    failed(tenantId) {
      failing.delete(tenantId);
      failing.set(tenantId, now());
      for (const [id, at] of failing) {
        if (now() - at <= FAILING_FOR_MS) break;
        failing.delete(id);
      }
      return failing.size >= TENANTS_OF_AN_OUTAGE;
    },
  };
}
