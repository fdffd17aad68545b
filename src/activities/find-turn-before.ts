import { WorkflowNotFoundError } from '@temporalio/common';
import { findOpenTurnsBefore } from '../db/ledger.ts';
import type { InboundMessage } from '../domain/conversation.ts';
import { LONGEST_START_GRACE_MS } from '../domain/timing.ts';
import type { ActivityDependencies } from './dependencies.ts';

/** What is known of the turns before one; `starting` is in the ledger and may appear any moment. */
export type TurnBeforeState = { state: 'running'; workflowId: string } | { state: 'starting' | 'none' };

/** Enough to see past messages that were entered but never started, say while Temporal was away. */
const TURNS_LOOKED_AT = 50;

export function createFindTurnBefore({ pool, temporal }: Pick<ActivityDependencies, 'pool' | 'temporal'>) {
  return {
    /**
     * Finds the nearest earlier turn of the scope that still runs. The ledger tells the order, Temporal
     * tells what runs; a closed turn ends the search, since it waited for its own predecessors.
     */
    async findTurnBefore(input: { message: InboundMessage; startGraceMs: number }): Promise<TurnBeforeState> {
      const { message, startGraceMs } = input;
      const open = await findOpenTurnsBefore(pool, message, TURNS_LOOKED_AT);
      // At most 50 quick look-ups within the time-out of a local activity, which can't heartbeat.
      // eslint-disable-next-line temporal/activity-heartbeat-in-long-loops
      for (const turn of open) {
        const status = await statusOf(turn.workflowId);
        if (status === 'RUNNING') return { state: 'running', workflowId: turn.workflowId };
        if (status !== undefined) return { state: 'none' };
        if (turn.offeredMs < startGraceMs && turn.waitedMs < LONGEST_START_GRACE_MS)
          return { state: 'starting' };
      }
      return { state: 'none' };
    },
  };

  async function statusOf(workflowId: string): Promise<string | undefined> {
    try {
      const { status } = await temporal.workflow.getHandle(workflowId).describe();
      return status.name;
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return undefined;
      throw error;
    }
  }
}
