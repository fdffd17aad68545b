import type { Client } from '@temporalio/client';

/** Turns that are answered and wait to be stored. `oldestAt` is ISO 8601, null when none waits. */
export type Backfills = { waiting: number; oldestAt: string | null; isPart: boolean };

/** So many are looked at. */
const MOST = 1_000;
const WITHIN_MS = 2_000;

/** How many of a tenant's turns, or of one agent's, wait to be stored, by Temporal's word. */
export async function countBackfills(
  temporal: Client,
  { tenantId, agentId }: { tenantId: string; agentId: string | undefined },
): Promise<Backfills> {
  // Both are UUIDs: neither ends its quotation.
  const query = [
    `WorkflowType = 'EmbedAndStore' AND ExecutionStatus = 'Running' AND TenantId = '${tenantId}'`,
    ...(agentId === undefined ? [] : [`AgentId = '${agentId}'`]),
  ].join(' AND ');
  const { namespace } = temporal.options;
  // Newest first, and not the client's list, which decodes memos.
  const { executions, nextPageToken } = await temporal.withDeadline(Date.now() + WITHIN_MS, () =>
    temporal.workflowService.listWorkflowExecutions({ namespace, query, pageSize: MOST }),
  );
  const seconds = Number(executions.at(-1)?.startTime?.seconds ?? 0);
  return {
    waiting: executions.length,
    oldestAt: executions.length === 0 ? null : new Date(seconds * 1_000).toISOString(),
    isPart: nextPageToken.length > 0,
  };
}
