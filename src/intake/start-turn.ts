import { WorkflowIdReusePolicy, type Client } from '@temporalio/client';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import type { EncryptionConfig } from '../config/index.ts';
import { handleMessageWorkflowId } from '../domain/ids.ts';
import { REPLY_TASK_QUEUE } from '../domain/task-queues.ts';
import { TURN_ENDS_WITHIN_MS } from '../domain/timing.ts';
import type { HandleMessageInput } from '../domain/turn.ts';
import { searchAttributesOf, userIdsInSearch } from '../temporal/search-attributes.ts';
import type { HandleMessage } from '../workflows/handle-message.ts';

/** What it takes to start a turn. */
export type TurnStarter = { temporal: Client; encryption: EncryptionConfig };

/**
 * Starts a turn's workflow, or finds that it was started before: one message is one workflow, also after it
 * has ended. With `again` a workflow that has failed is started anew; of two such starts at one moment
 * Temporal takes one. Rejects with the client's error when Temporal doesn't accept the start by `deadline`
 * (epoch ms).
 */
export async function startTurn(
  { temporal, encryption }: TurnStarter,
  input: HandleMessageInput,
  { deadline, again = false }: { deadline: number; again?: boolean },
): Promise<void> {
  const { message, agent } = input;
  const [userIdInSearch] = userIdsInSearch(encryption, message);
  try {
    await temporal.withDeadline(deadline, () =>
      temporal.workflow.start<typeof HandleMessage>('HandleMessage', {
        workflowId: handleMessageWorkflowId(message.tenantId, message.messageId),
        args: [again ? { ...input, again } : input],
        taskQueue: REPLY_TASK_QUEUE,
        workflowIdReusePolicy: again
          ? WorkflowIdReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY
          : WorkflowIdReusePolicy.REJECT_DUPLICATE,
        workflowExecutionTimeout: TURN_ENDS_WITHIN_MS,
        typedSearchAttributes: searchAttributesOf(message, userIdInSearch),
        // Where tasks queue up, tenants take turns: a flood waits behind itself. Activities and child inherit
        // the key.
        priority: { fairnessKey: message.tenantId },
        // Encrypted like a payload.
        staticSummary:
          `${message.userId} → ${agent.name} (${message.channel.name}, turn ${message.seq}` +
          `${again ? ', retried' : ''})`,
      }),
    );
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}
