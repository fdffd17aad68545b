import { activityInfo } from '@temporalio/activity';

/** Stands in the heartbeat's details: how many attempts were put off before they had begun. */
export const DEFERRALS = 'deferrals';

/** The heartbeat's details of an attempt that is put off: those of the one before, and one deferral more. */
export function detailsOfDeferral(before: unknown): Record<string, unknown> {
  const details = typeof before === 'object' ? { ...before } : {};
  return { ...details, [DEFERRALS]: deferralsIn(details) + 1 };
}

/**
 * Whether no attempt of this activity has begun its work before. When the count of deferrals is lost, as with
 * the next heartbeat, the answer is no: a repeated attempt looks first what an earlier one has left.
 */
export function isFirstTry(): boolean {
  const info = activityInfo();
  const details: unknown = info.heartbeatDetails;
  return info.attempt === 1 + deferralsIn(details);
}

function deferralsIn(details: unknown): number {
  if (typeof details !== 'object' || details === null || !(DEFERRALS in details)) return 0;
  return Number(details[DEFERRALS]);
}
