/** How often messages are taken: `burst` at once, and then as many a minute as `perMinute`. */
export type RateLimit = { burst: number; perMinute: number };

/** The limits of a tenant: for each of its users, and for all of them together. */
export type RateLimits = { user: RateLimit; tenant: RateLimit };

/**
 * A person types less than one message a second. A tenant's is there to stop a runaway integration, not to
 * share the machine out: that is what dispatching fairly between tenants is for.
 */
export const DEFAULT_RATE_LIMITS: RateLimits = {
  user: { burst: 60, perMinute: 60 },
  tenant: { burst: 6_000, perMinute: 6_000 },
};

/**
 * Turns that may be open at once, of one user and of a tenant, unless more may be sent at once: those that
 * wait for their reply, or to be remembered.
 */
export const MOST_OPEN_OF_USER = 500;
export const MOST_OPEN_OF_TENANT = 6_000;
