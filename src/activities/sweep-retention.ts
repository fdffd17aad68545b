import { asyncLocalStorage } from '@temporalio/activity';
import { sweepTenant, tenantsWithRetention, type Swept } from '../memory/long-term/retention.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { watchAttempt } from './watch-attempt.ts';

/** What a sweep has deleted, of all tenants that limit what is kept. */
export type SweptTenants = Swept & { tenants: number };

export function createSweepRetention({ pool, redis }: Pick<ActivityDependencies, 'pool' | 'redis'>) {
  return {
    /**
     * Deletes what the tenants no longer want to keep. It has no input: which tenants, and how long, stands
     * in the database. A tenant that fails holds up no other; the attempt fails at its end then. One that is
     * cut off goes on in the next.
     */
    async sweepRetention(): Promise<SweptTenants> {
      const attempt = watchAttempt();
      const failures: unknown[] = [];
      const total = { tenants: 0, exchanges: 0, messages: 0, passages: 0, turns: 0 };
      try {
        for (const tenantId of await tenantsWithRetention(pool)) {
          asyncLocalStorage.getStore()?.heartbeat();
          const swept = await sweepTenant({ pool, redis }, tenantId, attempt.signal).catch(
            (error: unknown) => void failures.push(error),
          );
          attempt.signal?.throwIfAborted();
          if (!swept) continue;
          total.tenants += 1;
          total.exchanges += swept.exchanges;
          total.messages += swept.messages;
          total.passages += swept.passages;
          total.turns += swept.turns;
        }
        if (failures.length > 0) throw failures[0];
        return total;
      } finally {
        attempt.end();
      }
    },
  };
}
