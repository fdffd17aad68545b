import { ApplicationFailure } from '@temporalio/activity';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import { detailsOfDeferral } from '../activities/deferral.ts';
import { FAILURE } from '../domain/failures.ts';
import { parseTurnWorkflowId, tenantOfWorkflowId } from '../domain/ids.ts';
import { DEFERRED_EVERY_MS, DEFERRED_FOR_MS, DEFERRED_WITHIN_MS } from '../domain/timing.ts';
import { createShares, mostPlaces } from '../lib/shares.ts';
import { MODEL_ACTIVITY } from './replies-first.ts';

/** Slots beyond those that the shares can fill: an attempt needs one to be put off. */
const SPARE_SLOTS = 20;

/**
 * Shares the calls that wait for others, a model or a channel, out between tenants: `callsAtOnce` of each
 * kind in this process (see `createShares`). An attempt of a tenant that has its share ends at once, before
 * its work has begun, and Temporal tries it again later. So one tenant's model that hangs, or its flood,
 * leaves the others their calls. Local activities are bounded by their own time-outs and pass. So do those of
 * all other workflows where `workflowTypes` are given, and all others where an `activityType` is.
 */
export function createFairShares({
  callsAtOnce,
  workflowTypes,
  activityType,
}: {
  callsAtOnce: number;
  workflowTypes?: readonly string[];
  activityType?: string;
}): {
  interceptor: ActivityInterceptorsFactory;
  /** Activity slots that are never all taken by the shares. */
  slots: number;
} {
  const model = createShares(callsAtOnce);
  const others = createShares(callsAtOnce);
  const pauseOf = createPauses();
  return {
    slots: 2 * mostPlaces(callsAtOnce) + SPARE_SLOTS,
    interceptor: ({ info, heartbeat }) => ({
      inbound: {
        async execute(input, next) {
          const isShared =
            (workflowTypes === undefined || workflowTypes.includes(info.workflowType ?? '')) &&
            (activityType === undefined || info.activityType === activityType);
          if (info.isLocal || !isShared) return next(input);
          // By the workflow's id: a task that the server hands over with its schedule names no fairness key.
          const { workflowId = '' } = info.workflowExecution ?? {};
          const turn = parseTurnWorkflowId(workflowId);
          const tenant = turn?.tenantId ?? tenantOfWorkflowId(workflowId) ?? '';
          const giveBack = (info.activityType === MODEL_ACTIVITY ? model : others).take(tenant);
          if (!giveBack) {
            heartbeat(detailsOfDeferral(info.heartbeatDetails));
            throw ApplicationFailure.create({
              type: FAILURE.overShare,
              message: 'the tenant has its share of the calls at this time',
              nextRetryDelay: pauseOf(tenant),
            });
          }
          try {
            return await next(input);
          } finally {
            giveBack();
          }
        },
      },
    }),
  };
}

/**
 * How long an attempt is put off. Those of one tenant come back one by one: however many wait, Temporal
 * doesn't spend more on them than on one every `DEFERRED_EVERY_MS`, until `DEFERRED_WITHIN_MS` is reached.
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
