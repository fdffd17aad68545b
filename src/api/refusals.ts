/** An hour, in parts that are forgotten one by one. */
const PARTS = 12;
const PART_MS = 5 * 60_000;
/** So many more than were taken: of a few events nobody's rate is counted. */
const FREE = 20;

type Counts = { taken: number; refused: number };

/** What became of a channel's events, in the last hour. */
export type Refusals = {
  /** One more was acknowledged, or was not. */
  add(what: keyof Counts): void;
  /** Whether one more may be refused since its tenant has its share, so that the channel sends it again. */
  mayRefuse(): boolean;
};

/**
 * A channel that sees hardly anything but failures stops delivering, and to all tenants: Slack does when
 * fewer than 5% of an hour's deliveries are acknowledged (docs.slack.dev/apis/events-api). What is refused
 * comes again, and counts again. So a tenant's flood may bring about as many failures as there are events
 * that are taken; what is beyond is acknowledged, and whoever sent it is told.
 */
export function createRefusals(now: () => number = () => performance.now()): Refusals {
  const parts: Array<Counts & { since: number }> = [];
  const fresh = (): Array<Counts & { since: number }> => {
    while (parts[0] && now() - parts[0].since > PARTS * PART_MS) parts.shift();
    return parts;
  };
  return {
    add(what) {
      const last = fresh().at(-1);
      if (last && now() - last.since < PART_MS) last[what] += 1;
      else parts.push({ taken: 0, refused: 0, since: now(), [what]: 1 });
    },
    mayRefuse() {
      const more = fresh().reduce((sum, { taken, refused }) => sum + taken - refused, FREE);
      return more > 0;
    },
  };
}
