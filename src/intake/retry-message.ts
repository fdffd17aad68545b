import { WorkflowIdReusePolicy, type Client } from '@temporalio/client';
import { WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError } from '@temporalio/common';
import { decodeArrayFromPayloads } from '@temporalio/common/lib/internal-non-workflow/index.js';
import type pg from 'pg';
import { reopenTurn, type LedgerTurn } from '../db/ledger.ts';
import type { HandleMessageInput } from '../domain/turn.ts';
import type { HandleMessage } from '../workflows/handle-message.ts';
import { Problem } from '../api/problems.ts';
import { turnWorkflowOptions } from './start-turn.ts';
import { ANSWER_WITHIN_MS } from '../lib/within.ts';

/**
 * Answers a failed message once more: the same turn, at its old place in the scope. The ledger holds no text, so
 * what was said comes from the failed run's history. Throws a 409 Problem for a turn that has not failed, or whose
 * history has passed its retention; a Temporal that doesn't answer within 2 s is a 503.
 */
export async function retryMessage(
  { pool, temporal }: { pool: pg.Pool; temporal: Client },
  tenantId: string,
  turn: LedgerTurn,
): Promise<void> {
  if (turn.state !== 'failed') {
    throw new Problem(409, 'Not failed', 'Only a message whose reply has failed can be retried.');
  }
  const deadline = Date.now() + ANSWER_WITHIN_MS;
  const input = await inputOf(temporal, turn.workflowId, deadline);
  try {
    await temporal.withDeadline(deadline, () =>
      temporal.workflow.start<typeof HandleMessage>('HandleMessage', {
        workflowId: turn.workflowId,
        args: [input],
        ...turnWorkflowOptions(input.message),
        // Temporal decides which of two retries at the same moment is the one.
        workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
        staticSummary: `${input.message.userId} → ${input.agent.name} (${input.message.channel.type}, turn ${turn.seq}, retried)`,
      }),
    );
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
  await reopenTurn(pool, tenantId, turn.messageId);
}

async function inputOf(temporal: Client, workflowId: string, deadline: number): Promise<HandleMessageInput> {
  try {
    const handle = temporal.workflow.getHandle(workflowId);
    const { events } = await temporal.withDeadline(deadline, () => handle.fetchHistory());
    const payloads = events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads;
    const [input] = await decodeArrayFromPayloads(temporal.options.loadedDataConverter, payloads);
    return input as HandleMessageInput;
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
    throw new Problem(409, 'Too old', 'The message is no longer kept and can’t be retried: send it again.');
  }
}
