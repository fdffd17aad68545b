import type { Client } from '@temporalio/client';
import type pg from 'pg';
import { endTurn, hasEnded, markStart, type LedgerTurn } from '../db/ledger.ts';
import { embedAndStoreWorkflowId } from '../domain/ids.ts';
import { LATE_START_WITHIN_MS } from '../domain/timing.ts';
import { statusOf } from '../temporal/status.ts';

type OpenTurn = Pick<LedgerTurn, 'messageId' | 'workflowId' | 'state'> & { offeredMs: number };

/**
 * Brings the ledger's word on a turn up to date with Temporal, which alone knows of the ends that no workflow
 * lives to write down: terminated, timed out, never started. Gives the state as it is now. Rejects with the
 * client's error when Temporal can't be asked. `known` is the turn's status, for a caller that has asked.
 */
export async function settleTurn(
  { pool, temporal }: { pool: pg.Pool; temporal: Client },
  tenantId: string,
  { messageId, workflowId, state, offeredMs }: OpenTurn,
  known?: string,
): Promise<LedgerTurn['state']> {
  if (hasEnded(state)) return state;
  const turn = known ?? (await statusOf(temporal, workflowId));
  if (turn === 'RUNNING') return state;
  if (turn === undefined) {
    if (state === 'refused' || offeredMs < LATE_START_WITHIN_MS) return state;
    // It never started, or Temporal has forgotten it: its sender may send it again.
    await markStart(pool, tenantId, messageId, 'refused');
    return 'refused';
  }
  const child = await statusOf(temporal, embedAndStoreWorkflowId(tenantId, messageId));
  // The child has the ledger's last word, also when its parent was ended beside it.
  if (child === 'RUNNING' || child === 'COMPLETED') return state;
  const isAnswered = turn === 'COMPLETED' || child !== undefined;
  return endTurn(pool, tenantId, messageId, isAnswered ? 'done' : 'failed');
}
