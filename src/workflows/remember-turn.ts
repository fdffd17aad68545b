import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { CancellationScope, ParentClosePolicy, startChild, workflowInfo } from '@temporalio/workflow';
import { embedAndStoreWorkflowId } from '../domain/ids.ts';
import { EMBEDDING_TASK_QUEUE } from '../domain/task-queues.ts';
import { REMEMBERED_WITHIN_MS } from '../domain/timing.ts';
import type { EmbedAndStoreInput } from '../domain/turn.ts';
import { appendTurnToWindow } from './activities.ts';
import type { EmbedAndStore } from './embed-and-store.ts';

/**
 * Appends an answered turn to the window, unless that is done, and starts the child that stores it. A turn
 * that was cancelled after its answer is remembered like any other. `appendOwed` says that the window did not
 * take it in time.
 */
export async function rememberTurn({
  isAppended,
  message,
  ...answered
}: Omit<EmbedAndStoreInput, 'appendOwed'> & { isAppended: boolean }): Promise<{ appendOwed: boolean }> {
  // What others said around the message is for this answer alone: no step that remembers ever sees it.
  const { background: _, ...ownMessage } = message;
  const turn = { ...answered, message: ownMessage };
  return CancellationScope.nonCancellable(async () => {
    const appendOwed = !isAppended && !(await append(turn));
    await startEmbedAndStore({ ...turn, appendOwed });
    return { appendOwed };
  });
}

/** False when the window doesn't take the turn in time. */
async function append({
  message,
  reply,
  seals,
}: Pick<EmbedAndStoreInput, 'message' | 'reply' | 'seals'>): Promise<boolean> {
  try {
    await appendTurnToWindow({ message, reply, seals });
    return true;
  } catch {
    return false;
  }
}

/**
 * The child is durable once it has started, whatever becomes of this workflow. One that runs already is the
 * same one.
 */
async function startEmbedAndStore(input: EmbedAndStoreInput): Promise<void> {
  const { tenantId, messageId, seq, userId } = input.message;
  try {
    await startChild<typeof EmbedAndStore>('EmbedAndStore', {
      args: [input],
      workflowId: embedAndStoreWorkflowId(tenantId, messageId),
      taskQueue: EMBEDDING_TASK_QUEUE,
      workflowExecutionTimeout: REMEMBERED_WITHIN_MS,
      parentClosePolicy: ParentClosePolicy.ABANDON,
      typedSearchAttributes: workflowInfo().typedSearchAttributes,
      staticSummary: `remember turn ${seq} of ${userId}`,
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}
