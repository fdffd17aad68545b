import type pg from 'pg';
import { findTenant } from '../db/tenants.ts';
import { DEFAULT_RATE_LIMITS, type RateLimits } from '../domain/rate-limits.ts';

/** How long a change of limits may take to be seen by every API process. */
const FRESH_MS = 5_000;
const MAX_TENANTS = 10_000;

/**
 * A tenant's limits, read at most once in 5 s, by one of many requests; with Postgres away the last ones
 * known.
 */
export function cachedRateLimits(pool: pg.Pool): (tenantId: string) => Promise<RateLimits> {
  const known = new Map<string, { limits: Promise<RateLimits>; readAt: number }>();
  return (tenantId) => {
    const last = known.get(tenantId);
    if (last && performance.now() - last.readAt < FRESH_MS) return last.limits;
    if (known.size > MAX_TENANTS) known.clear();
    const limits = findTenant(pool, tenantId)
      .then((tenant) => tenant?.rateLimits ?? DEFAULT_RATE_LIMITS)
      .catch((error: unknown) => {
        if (last) return last.limits;
        known.delete(tenantId);
        throw error;
      });
    known.set(tenantId, { limits, readAt: performance.now() });
    return limits;
  };
}
