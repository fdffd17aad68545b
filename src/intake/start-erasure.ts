import { WorkflowIdReusePolicy, type Client } from '@temporalio/client';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import type pg from 'pg';
import { markStart } from '../db/ledger.ts';
import type { EnteredErasure } from '../db/open-erasures.ts';
import type { InboundMessage } from '../domain/conversation.ts';
import { ERASURE_CHANNEL, type ErasureReceipt, type ForgetUserInput } from '../domain/erasure.ts';
import { forgetUserWorkflowId } from '../domain/ids.ts';
import { REPLY_TASK_QUEUE } from '../domain/task-queues.ts';
import type { TurnLimits } from '../domain/turn.ts';
import { reach } from './availability.ts';
import { sealMessage } from './seals.ts';

/**
 * Starts an erasure that was entered, whoever entered it: all of its input follows from its row and from the
 * tenant's key. Rejects when Temporal or Postgres doesn't answer by `deadline` (epoch ms). Safe to repeat.
 */
export async function startEntered(
  { pool, temporal, limits }: { pool: pg.Pool; temporal: Client; limits: TurnLimits },
  erasure: EnteredErasure,
  key: Buffer,
  deadline: number,
): Promise<void> {
  const { tenantId, agentId, userId, exchangeId, erasureId, seq, requestedAt, turnsAhead } = erasure;
  const message: InboundMessage = {
    ...{ tenantId, agentId, userId, messageId: erasureId, seq, turnsAhead },
    channel: { name: ERASURE_CHANNEL },
    text: exchangeId ?? '',
    receivedAt: requestedAt.toISOString(),
  };
  // One that was refused before is on its way again: turns after it wait for it.
  await reach('The database', deadline, markStart(pool, tenantId, erasureId, 'accepted'), {
    pool,
    tenantId,
  });
  const input = { message, limits, seals: sealMessage(key, message) };
  const start = async (): Promise<void> => {
    try {
      await startErasure(temporal, input, deadline);
    } catch (error) {
      // Turns after it don't wait for what doesn't run.
      await markStart(pool, tenantId, erasureId, 'refused').catch(() => undefined);
      throw error;
    }
  };
  await reach('Temporal', deadline, start());
}

/** Starts an erasure's workflow, or finds it running. Rejects when Temporal doesn't take it by `deadline`. */
export async function startErasure(
  temporal: Client,
  input: ForgetUserInput,
  deadline: number,
): Promise<void> {
  const { tenantId, messageId } = input.message;
  try {
    await temporal.withDeadline(deadline, () =>
      temporal.workflow.start<(input: ForgetUserInput) => Promise<ErasureReceipt>>('ForgetUser', {
        workflowId: forgetUserWorkflowId(tenantId, messageId),
        args: [input],
        taskQueue: REPLY_TASK_QUEUE,
        // One that was terminated before its end is started anew by whoever asks again.
        workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
        priority: { fairnessKey: tenantId },
      }),
    );
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}
