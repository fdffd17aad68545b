/** A bound on what a tenant, and each of its users, has begun and not ended. */
import type { Client } from '@temporalio/client';
import type pg from 'pg';
import { countOpenTurns, someOpenTurns, type OpenTurns } from '../db/open-turns.ts';
import { MOST_OPEN_OF_TENANT, MOST_OPEN_OF_USER, type RateLimits } from '../domain/rate-limits.ts';
import { ACCEPT_WITHIN_MS } from '../domain/timing.ts';
import { keepNewest } from '../lib/keep-newest.ts';
import { keptFor } from '../lib/kept-for.ts';
import type { RateLimited } from './rate-limiter.ts';
import { settleTurn } from './settle-turn.ts';

/** Says of a message's sender whether one more turn may be open. Rejects when the ledger can't be asked. */
export type HasRoom = (tenantId: string, userId: string) => Promise<RateLimited>;

/** A tenant's turns are counted once in this time. */
const COUNTED_EVERY_MS = 1_000;
const MAX_TENANTS = 10_000;
/** Whoever is over comes again after this time. */
const ASK_AGAIN_MS = 5_000;
/** So many turns of whoever is over are looked up in Temporal each time they are counted. */
const SETTLED_AT_A_TIME = 20;

/** Who has how many open, and looks whether they still are. */
type Counted = { open: OpenTurns; most: { user: number; tenant: number }; settle: (userId?: string) => void };

/**
 * Counts by the ledger, to a second. It doesn't learn of a turn that an operator has terminated. So some
 * turns of whoever is over are looked up in Temporal: what has ended there is soon open no more.
 */
export function createOpenTurns(dependencies: {
  pool: pg.Pool;
  temporal: Client;
  limitsOf: (tenantId: string) => Promise<RateLimits>;
}): HasRoom {
  const { pool, temporal, limitsOf } = dependencies;
  const tenants = new Map<string, () => Promise<Counted>>();

  const settleSome = async (tenantId: string, among: number, userId: string | undefined): Promise<void> => {
    const turns = await someOpenTurns(pool, { tenantId, userId }, { among, limit: SETTLED_AT_A_TIME });
    await temporal.withDeadline(Date.now() + ACCEPT_WITHIN_MS, async () => {
      for (const turn of turns) await settleTurn({ pool, temporal }, tenantId, turn);
    });
  };

  const countOf = (tenantId: string) => async (): Promise<Counted> => {
    const limits = await limitsOf(tenantId);
    const most = {
      user: Math.max(MOST_OPEN_OF_USER, limits.user.burst),
      tenant: Math.max(MOST_OPEN_OF_TENANT, limits.tenant.burst),
    };
    const open = await countOpenTurns(pool, tenantId, most.tenant);
    let isSettled = false;
    const settle = (userId?: string): void => {
      if (isSettled) return;
      isSettled = true;
      settleSome(tenantId, most.tenant, userId).catch(() => undefined);
    };
    return { open, most, settle };
  };

  return async (tenantId, userId) => {
    const count = tenants.get(tenantId) ?? keptFor(COUNTED_EVERY_MS, countOf(tenantId));
    keepNewest(tenants, tenantId, count, MAX_TENANTS);
    const { open, most, settle } = await count();
    const isUserOver = (open.ofUser.get(userId) ?? 0) >= most.user;
    if (!isUserOver && open.total < most.tenant) return undefined;
    settle(isUserOver ? userId : undefined);
    return { retryAfterMs: ASK_AGAIN_MS, limit: isUserOver ? 'user' : 'tenant' };
  };
}
