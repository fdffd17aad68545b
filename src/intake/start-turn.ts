import { WorkflowIdReusePolicy, type Client } from '@temporalio/client';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { handleMessageWorkflowId } from '../domain/ids.ts';
import { REPLY_TASK_QUEUE } from '../domain/task-queues.ts';
import type { HandleMessageInput } from '../domain/turn.ts';
import { searchAttributesOf } from '../temporal/search-attributes.ts';
import type { HandleMessage } from '../workflows/handle-message.ts';

/**
 * Starts a turn's workflow, or finds that it was started before: one message is one workflow, also after it
 * has ended. With `again` a workflow that has failed is started anew; of two such starts at one moment
 * Temporal takes one. Rejects with the client's error when Temporal doesn't accept the start by `deadline`
 * (epoch ms).
 */
export async function startTurn(
  temporal: Client,
  input: HandleMessageInput,
  { deadline, again = false }: { deadline: number; again?: boolean },
): Promise<void> {
  const { message, agent } = input;
  try {
    await temporal.withDeadline(deadline, () =>
      temporal.workflow.start<typeof HandleMessage>('HandleMessage', {
        workflowId: handleMessageWorkflowId(message.tenantId, message.messageId),
        args: [input],
        taskQueue: REPLY_TASK_QUEUE,
        workflowIdReusePolicy: again
          ? WorkflowIdReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY
          : WorkflowIdReusePolicy.REJECT_DUPLICATE,
        typedSearchAttributes: searchAttributesOf(message),
        // Where tasks queue up, tenants take turns: a flood waits behind itself. Activities and child inherit
        // the key.
        priority: { fairnessKey: message.tenantId },
        staticSummary:
          `${message.userId} → ${agent.name} (${message.channel.name}, turn ${message.seq}` +
          `${again ? ', retried' : ''})`,
      }),
    );
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}
