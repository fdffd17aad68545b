import type { InboundMessage } from '../domain/conversation.ts';
import { REPLY_TASK_QUEUE } from '../domain/task-queues.ts';
import { searchAttributesOf } from '../temporal/search-attributes.ts';

/** What every start of a turn's `HandleMessage` has in common. */
export function turnWorkflowOptions(message: InboundMessage) {
  return {
    taskQueue: REPLY_TASK_QUEUE,
    typedSearchAttributes: searchAttributesOf(message),
    // Where tasks queue up, tenants take turns: one that floods waits behind itself. Activities and child inherit it.
    priority: { fairnessKey: message.tenantId },
  };
}
