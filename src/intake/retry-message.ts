import type { Client } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/common';
import { decodeArrayFromPayloads } from '@temporalio/common/lib/internal-non-workflow/index.js';
import type pg from 'pg';
import { reopenTurn, type LedgerTurn } from '../db/ledger.ts';
import { ACCEPT_WITHIN_MS } from '../domain/timing.ts';
import type { HandleMessageInput } from '../domain/turn.ts';
import { outageOf } from './availability.ts';
import type { RetryOutcome } from './outcomes.ts';
import { startTurn } from './start-turn.ts';

/**
 * Answers a failed message once more: the same turn, at its old place in the scope. The ledger holds no text,
 * so the text comes from the failed run's history. `unavailable` when Temporal or Postgres doesn't answer
 * within 2 s.
 */
export async function retryMessage(
  { pool, temporal }: { pool: pg.Pool; temporal: Client },
  tenantId: string,
  turn: LedgerTurn,
): Promise<RetryOutcome> {
  if (turn.state !== 'failed') return { kind: 'not-failed' };
  const deadline = Date.now() + ACCEPT_WITHIN_MS;
  try {
    const input = await inputOf(temporal, turn.workflowId, deadline);
    if (!input) return { kind: 'too-old' };
    await startTurn(temporal, input, { deadline, again: true });
    await reopenTurn(pool, tenantId, turn.messageId);
    return { kind: 'accepted' };
  } catch (error) {
    const outage = outageOf(error);
    if (!outage) throw error;
    return outage;
  }
}

/** What the failed run was started with; undefined when Temporal has forgotten it. */
async function inputOf(
  temporal: Client,
  workflowId: string,
  deadline: number,
): Promise<HandleMessageInput | undefined> {
  try {
    const handle = temporal.workflow.getHandle(workflowId);
    const { events } = await temporal.withDeadline(deadline, () => handle.fetchHistory());
    const payloads = events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads;
    const [input] = await decodeArrayFromPayloads(temporal.options.loadedDataConverter, payloads);
    return input as HandleMessageInput;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}
