import type { Client } from '@temporalio/client';
import { WorkflowIdConflictPolicy, WorkflowIdReusePolicy } from '@temporalio/common';
import type pg from 'pg';
import type { AuditActor } from '../db/audit.ts';
import { enterReindex } from '../db/reindexes.ts';
import { reindexWorkflowId } from '../domain/ids.ts';
import type { ReindexProgress } from '../domain/reindex.ts';
import { EMBEDDING_TASK_QUEUE } from '../domain/task-queues.ts';
import { ACCEPT_WITHIN_MS } from '../domain/timing.ts';
import { DERIVED_VERSION } from '../memory/long-term/derived-version.ts';
import type { Reindex } from '../workflows/reindex.ts';

/**
 * Has what older code has derived of a tenant's memories derived anew. Asked for again, one that is under way
 * is the same one, and one that was ended from outside goes on. Undefined when there is no such tenant.
 * Rejects when Postgres or Temporal is away: ask again.
 */
export async function requestReindex(
  { pool, temporal }: { pool: pg.Pool; temporal: Client },
  tenantId: string,
  actor: AuditActor,
): Promise<ReindexProgress | undefined> {
  const reindex = await enterReindex(pool, { tenantId, version: DERIVED_VERSION }, actor);
  if (!reindex) return undefined;
  const { reindexId } = reindex;
  await temporal.withDeadline(Date.now() + ACCEPT_WITHIN_MS, () =>
    temporal.workflow.start<typeof Reindex>('Reindex', {
      workflowId: reindexWorkflowId(tenantId, reindexId),
      args: [{ tenantId, reindexId }],
      taskQueue: EMBEDDING_TASK_QUEUE,
      workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
      workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
      priority: { fairnessKey: tenantId },
      staticSummary: 'derive anew what is remembered',
    }),
  );
  return reindex;
}
