import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import type { Activities } from '../activities/index.ts';
import { createShares } from '../lib/shares.ts';
import { placesOf, placesTaken, SHARE_OF } from './activity-shares.ts';
import { createPauses, putOff, tenantOfAttempt } from './put-off.ts';

/**
 * Shares the activities of a process out between tenants, each kind by itself (see `SHARE_OF`). An attempt of
 * a tenant that has its share ends at once, before its work has begun, and Temporal tries it again later. So
 * one tenant's model that hangs, or its flood, leaves the others their places. Local activities are bounded
 * by their own time-outs and pass, and so does the sweep.
 * @param callsAtOnce how many calls of a tenant that is alone wait for a model, and how many for a channel
 */
export function createFairShares(callsAtOnce: number): ActivityInterceptorsFactory {
  const kinds = new Map(
    Object.entries(placesOf(callsAtOnce)).map(([share, atOnce]) => [
      share,
      { places: createShares(atOnce), pauseOf: createPauses() },
    ]),
  );
  const kindOf = (activityType: string) =>
    kinds.get(Object.hasOwn(SHARE_OF, activityType) ? SHARE_OF[activityType as keyof Activities] : '');

  return (attempt) => ({
    inbound: {
      async execute(input, next) {
        const { activityType, isLocal } = attempt.info;
        const kind = kindOf(activityType);
        if (isLocal || !kind) return next(input);
        const tenant = tenantOfAttempt(attempt);
        const giveBack = kind.places.take(tenant, placesTaken(activityType, input.args));
        if (!giveBack) return putOff(attempt, kind.pauseOf(tenant));
        try {
          return await next(input);
        } finally {
          giveBack();
        }
      },
    },
  });
}
