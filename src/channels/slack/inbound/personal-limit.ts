import { RateLimiterMemory } from 'rate-limiter-flexible';

/** More than anybody does who looks at what comes of it. */
const DONE_A_MINUTE = 60;

/** Whether somebody may click on something, or open something, once more. */
export type PersonalLimit = (tenantId: string, userId: string) => Promise<boolean>;

/**
 * Bounds what one person does beside sending messages, which have limits of their own: what is clicked costs
 * calls of Slack, searches, erasures and audit entries. Each process counts for itself.
 */
export function createPersonalLimit(): PersonalLimit {
  const done = new RateLimiterMemory({ points: DONE_A_MINUTE, duration: 60 });
  return (tenantId, userId) =>
    done.consume(`${tenantId} ${userId}`).then(
      () => true,
      () => false,
    );
}
