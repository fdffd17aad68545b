import type { Client } from '@temporalio/client';
import { WorkflowIdConflictPolicy, WorkflowIdReusePolicy } from '@temporalio/common';
import type pg from 'pg';
import type { AuditActor } from '../db/audit.ts';
import { enterTenantRemoval } from '../db/tenant-removals.ts';
import { removeTenantWorkflowId } from '../domain/ids.ts';
import { EMBEDDING_TASK_QUEUE } from '../domain/task-queues.ts';
import type { TenantRemoval } from '../domain/tenant-removal.ts';
import { ACCEPT_WITHIN_MS, LATE_START_WITHIN_MS } from '../domain/timing.ts';
import type { RemoveTenant } from '../workflows/remove-tenant.ts';

/**
 * Closes a tenant, whose keys end at once, and starts what removes it. Asked for again, a removal that was
 * ended from outside goes on, and one that has finished gives its receipt. Undefined when there is no such
 * tenant. Rejects when Postgres or Temporal is away: the tenant is closed then, or not; ask again.
 */
export async function requestTenantRemoval(
  { pool, temporal }: { pool: pg.Pool; temporal: Client },
  tenantId: string,
  actor: AuditActor,
): Promise<TenantRemoval | undefined> {
  const removal = await enterTenantRemoval(pool, tenantId, actor);
  if (!removal || removal.finishedAt) return removal;
  await temporal.withDeadline(Date.now() + ACCEPT_WITHIN_MS, () =>
    temporal.workflow.start<typeof RemoveTenant>('RemoveTenant', {
      workflowId: removeTenantWorkflowId(tenantId),
      args: [{ tenantId, settleMs: LATE_START_WITHIN_MS }],
      taskQueue: EMBEDDING_TASK_QUEUE,
      workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
      workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
      staticSummary: 'remove a tenant',
    }),
  );
  return removal;
}
