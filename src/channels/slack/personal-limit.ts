import { RateLimiterMemory } from 'rate-limiter-flexible';

/** More than anybody does who looks at what comes of it. */
const DONE_A_MINUTE = 60;

/** Asking for a person writes to up to twenty people: it counts as so many clicks. */
export const ASKING_COUNTS = 6;

/** Whether somebody may click on something, or open something, once more; `counts` as so many. */
export type PersonalLimit = (tenantId: string, userId: string, counts?: number) => Promise<boolean>;

/**
 * Bounds what one person does beside sending messages, which have limits of their own: what is clicked costs
 * calls of Slack, searches, erasures and audit entries, and so does asking for a person. Each process counts
 * for itself.
 */
export function createPersonalLimit(aMinute = DONE_A_MINUTE): PersonalLimit {
  const done = new RateLimiterMemory({ points: aMinute, duration: 60 });
  return (tenantId, userId, counts = 1) =>
    done.consume(`${tenantId} ${userId}`, counts).then(
      () => true,
      () => false,
    );
}
