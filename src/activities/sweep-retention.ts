import { asyncLocalStorage } from '@temporalio/activity';
import { z } from 'zod';
import { sweepTenant, tenantsWithRetention, type Swept } from '../memory/long-term/retention.ts';
import { errorName } from './channel-trouble.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { watchAttempt } from './watch-attempt.ts';

/** What a sweep has deleted, of all tenants that limit what is kept. */
export type SweptTenants = Swept & { tenants: number };

/** What an attempt leaves to the next. */
const failedBefore = z.object({ failed: z.array(z.string()) });
type FailedBefore = z.infer<typeof failedBefore>;

/** Tenants that have failed, in the log and for the next attempt. */
const MAX_NAMED = 1_000;

export function createSweepRetention({ pool, redis }: Pick<ActivityDependencies, 'pool' | 'redis'>) {
  return {
    /**
     * Deletes what the tenants no longer want to keep. It has no input: which tenants, and how long, stands
     * in the database. A tenant that fails holds up no other: the attempt fails at its end then, and the next
     * one sweeps those alone that have failed. One that is cut off begins anew, and finds what is left.
     */
    async sweepRetention(): Promise<SweptTenants> {
      const attempt = watchAttempt();
      const context = asyncLocalStorage.getStore();
      const left = failedBefore.safeParse(context?.info.heartbeatDetails).data?.failed;
      const failures: Array<{ tenantId: string; error: unknown }> = [];
      const total = { tenants: 0, exchanges: 0, messages: 0, passages: 0, turns: 0 };
      try {
        for (const tenantId of await tenantsWithRetention(pool)) {
          if (left && !left.includes(tenantId)) continue;
          context?.heartbeat();
          const swept = await sweepTenant({ pool, redis }, tenantId, attempt.signal).catch(
            (error: unknown) => void failures.push({ tenantId, error }),
          );
          attempt.signal?.throwIfAborted();
          if (!swept) continue;
          total.tenants += 1;
          total.exchanges += swept.exchanges;
          total.messages += swept.messages;
          total.passages += swept.passages;
          total.turns += swept.turns;
        }
      } finally {
        attempt.end();
      }
      const [first] = failures;
      if (!first) return total;
      for (const { tenantId, error } of failures.slice(0, MAX_NAMED))
        context?.log.warn('a tenant could not be swept', { tenantId, error: errorName(error) });
      // After the last beat, which says nothing. Of too many the next attempt asks anew.
      if (failures.length <= MAX_NAMED)
        context?.heartbeat({ failed: failures.map(({ tenantId }) => tenantId) } satisfies FailedBefore);
      throw first.error;
    },
  };
}
