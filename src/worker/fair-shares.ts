import { ApplicationFailure } from '@temporalio/activity';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import type { Activities } from '../activities/index.ts';
import { detailsOfDeferral } from '../activities/deferral.ts';
import { FAILURE } from '../domain/failures.ts';
import { parseTurnWorkflowId, tenantOfWorkflowId } from '../domain/ids.ts';
import { DEFERRED_EVERY_MS, DEFERRED_FOR_MS, DEFERRED_WITHIN_MS } from '../domain/timing.ts';
import { createShares } from '../lib/shares.ts';
import { placesOf, placesTaken, SHARE_OF } from './activity-shares.ts';

/**
 * Shares the activities of a process out between tenants, each kind by itself (see `SHARE_OF`). An attempt of
 * a tenant that has its share ends at once, before its work has begun, and Temporal tries it again later. So
 * one tenant's model that hangs, or its flood, leaves the others their places. Local activities are bounded
 * by their own time-outs and pass, and so does what the operator starts.
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

  return ({ info, heartbeat }) => ({
    inbound: {
      async execute(input, next) {
        const kind = kindOf(info.activityType);
        if (info.isLocal || !kind) return next(input);
        // By the workflow's id: a task that the server hands over with its schedule names no fairness key.
        const { workflowId = '' } = info.workflowExecution ?? {};
        const turn = parseTurnWorkflowId(workflowId);
        const tenant = turn?.tenantId ?? tenantOfWorkflowId(workflowId) ?? '';
        const giveBack = kind.places.take(tenant, placesTaken(info.activityType, input.args));
        if (!giveBack) {
          heartbeat(detailsOfDeferral(info.heartbeatDetails));
          throw ApplicationFailure.create({
            type: FAILURE.overShare,
            message: 'the tenant has its share of the calls at this time',
            nextRetryDelay: kind.pauseOf(tenant),
          });
        }
        try {
          return await next(input);
        } finally {
          giveBack();
        }
      },
    },
  });
}

/**
 * How long an attempt is put off. Those of one tenant come back one by one, one every `DEFERRED_EVERY_MS`,
 * and each within `DEFERRED_WITHIN_MS`. As many as a tenant may have open come back at twenty a second.
 */
function createPauses(): (tenant: string) => number {
  /** When the tenant's last comes back, tenants in the order of their last deferral. */
  const lastBack = new Map<string, number>();
  return (tenant) => {
    const now = performance.now();
    const next = Math.max(now + DEFERRED_FOR_MS, (lastBack.get(tenant) ?? 0) + DEFERRED_EVERY_MS);
    const back = Math.min(next, now + DEFERRED_WITHIN_MS);
    lastBack.delete(tenant);
    lastBack.set(tenant, back);
    for (const [other, at] of lastBack) {
      if (at > now) break;
      lastBack.delete(other);
    }
    return back - now;
  };
}
