import type { Client } from '@temporalio/client';
import proto from '@temporalio/proto';
import { isUnknownWorkflow } from './outage.ts';

const { WorkflowExecutionStatus } = proto.temporal.api.enums.v1;

/**
 * A workflow's status, by Temporal's names; undefined when Temporal doesn't know it. Not by the client's
 * describe, which decodes memos: whoever reaches Temporal could write one that nobody can read.
 */
export async function statusOf(temporal: Client, workflowId: string): Promise<string | undefined> {
  const { namespace } = temporal.options;
  try {
    const { workflowExecutionInfo } = await temporal.workflowService.describeWorkflowExecution({
      namespace,
      execution: { workflowId },
    });
    const name = WorkflowExecutionStatus[workflowExecutionInfo?.status ?? 0];
    return name?.replace('WORKFLOW_EXECUTION_STATUS_', '');
  } catch (error) {
    if (isUnknownWorkflow(error)) return undefined;
    throw error;
  }
}
