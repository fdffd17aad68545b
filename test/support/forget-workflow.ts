/** A Temporal that no longer knows a workflow, as after its retention. */
import type { Client } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/common';
import { eventually } from './eventually.ts';

/** Takes an ended workflow from Temporal, as its retention does in time. */
export async function forgetWorkflow(client: Client, workflowId: string): Promise<void> {
  await client.workflow.getHandle(workflowId).result();
  await client.workflowService.deleteWorkflowExecution({
    namespace: client.options.namespace,
    workflowExecution: { workflowId },
  });
  // The server deletes what it has written down as ended, which it does every 30 s.
  await eventually(async () => !(await isKnown(client, workflowId)), { timeoutMs: 120_000 });
}

/** Whether Temporal has a workflow of that id, running or ended. */
export async function isKnown(client: Client, workflowId: string): Promise<boolean> {
  try {
    await client.workflow.getHandle(workflowId).describe();
    return true;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}
