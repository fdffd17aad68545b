/** Attempts that end before their work has begun, and come back later. */
import type { Context } from '@temporalio/activity';
import { detailsOfDeferral } from '../activities/deferral.ts';
import { notYet } from '../activities/not-yet.ts';
import { FAILURE } from '../domain/failures.ts';
import { parseTurnWorkflowId, tenantOfWorkflowId } from '../domain/ids.ts';
import { DEFERRED_EVERY_MS, DEFERRED_FOR_MS, DEFERRED_WITHIN_MS } from '../domain/timing.ts';

/** Whose attempt it is; '' where nobody's. */
export function tenantOfAttempt({ info }: Context): string {
  // By the workflow's id: a task that the server hands over with its schedule names no fairness key.
  const { workflowId = '' } = info.workflowExecution ?? {};
  return parseTurnWorkflowId(workflowId)?.tenantId ?? tenantOfWorkflowId(workflowId) ?? '';
}

/** Ends an attempt before it has begun: it counts as none, and comes back after `pauseMs`. */
export function putOff({ info, heartbeat }: Context, pauseMs: number): never {
  heartbeat(detailsOfDeferral(info.heartbeatDetails));
  throw notYet({
    type: FAILURE.overShare,
    message: 'the tenant has its share of the calls at this time',
    nextRetryDelay: pauseMs,
  });
}

/**
 * How long an attempt is put off. Those of one tenant come back one by one, one every `DEFERRED_EVERY_MS`, so
 * that Temporal spends no more on them however many wait. What would come later than `DEFERRED_WITHIN_MS`
 * comes at any time before: of as many as a tenant may have open, twenty a second.
 */
export function createPauses(): (tenant: string) => number {
  /** When the tenant's last comes back, tenants in the order of their last deferral. */
  const lastBack = new Map<string, number>();
  return (tenant) => {
    const now = performance.now();
    const next = Math.max(now + DEFERRED_FOR_MS, (lastBack.get(tenant) ?? 0) + DEFERRED_EVERY_MS);
    if (next > now + DEFERRED_WITHIN_MS)
      return DEFERRED_FOR_MS + Math.random() * (DEFERRED_WITHIN_MS - DEFERRED_FOR_MS);
    lastBack.delete(tenant);
    lastBack.set(tenant, next);
    for (const [other, at] of lastBack) {
      if (at > now) break;
      lastBack.delete(other);
    }
    return next - now;
  };
}
