/** What the doctor finds. A fault keeps something from working; a doubt may be meant so. */
export type Finding =
  { kind: 'good'; what: string } | { kind: 'doubt' | 'fault'; what: string; cure: string };

export const good = (what: string): Finding => ({ kind: 'good', what });
export const doubt = (what: string, cure: string): Finding => ({ kind: 'doubt', what, cure });
export const fault = (what: string, cure: string): Finding => ({ kind: 'fault', what, cure });

export type Environment = Readonly<Record<string, string | undefined>>;

/** What is looked at, and by which clock. */
export type Patient = { env: Environment; now: () => number };

/** The message that lies innermost: the outer ones only say that something failed. */
export function reasonOf(error: unknown): string {
  if (!Error.isError(error)) return String(error);
  if (error.cause !== undefined) return reasonOf(error.cause);
  // Several addresses of one name were tried.
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  return error.message || error.name;
}

/** Slack refuses what was signed five minutes before, and receipts show times of both clocks. */
const CLOCKS_APART_MS = 5_000;

/** A fault when a service's clock is another than this machine's, which said both times around the answer. */
export function clockFindings(
  service: string,
  theirs: number,
  askedAt: number,
  answeredAt: number,
): Finding[] {
  const apart = theirs < askedAt ? askedAt - theirs : theirs - answeredAt;
  if (apart <= CLOCKS_APART_MS) return [];
  return [
    fault(
      `the clocks of this machine and of ${service} are ${Math.round(apart / 1_000)} s apart`,
      'let all machines take their time from the same servers (timedatectl set-ntp true, or chrony)',
    ),
  ];
}
