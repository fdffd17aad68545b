import { findOpenTurnsBefore } from '../db/turns-before.ts';
import { findEntered } from '../db/open-erasures.ts';
import type { SealKeys } from '../db/seal-keys.ts';
import { inTenant } from '../db/tenant-transaction.ts';
import type { InboundMessage } from '../domain/conversation.ts';
import { LONGEST_START_GRACE_MS, QUICK_ATTEMPT_MS } from '../domain/timing.ts';
import type { TurnLimits } from '../domain/turn.ts';
import { settleTurn } from '../intake/settle-turn.ts';
import { startEntered } from '../intake/start-erasure.ts';
import { statusOf } from '../temporal/status.ts';
import type { ActivityDependencies } from './dependencies.ts';

/** What is known of the turns before one; `starting` is in the ledger and may appear any moment. */
export type TurnBeforeState = { state: 'running'; workflowId: string } | { state: 'starting' | 'none' };

/** Enough to see past messages that were entered but never started, say while Temporal was away. */
const TURNS_LOOKED_AT = 50;

export function createFindTurnBefore(
  dependencies: Pick<ActivityDependencies, 'pool' | 'temporal'> & { sealKeys: SealKeys },
) {
  const { pool, temporal, sealKeys } = dependencies;

  /** Starts an erasure that Temporal was never given, or that was ended there; false when it has finished. */
  const startErasure = async (tenantId: string, erasureId: string, limits: TurnLimits): Promise<boolean> => {
    const deadline = Date.now() + QUICK_ATTEMPT_MS;
    const erasure = await inTenant(pool, tenantId, (client) => findEntered(client, tenantId, { erasureId }));
    const key = await sealKeys(tenantId);
    if (!erasure || !key) return false;
    await startEntered({ pool, temporal, limits }, erasure, key, deadline);
    return true;
  };

  return {
    /**
     * Finds the nearest earlier turn of the scope that still runs. The ledger tells the order, Temporal
     * tells what runs; a closed turn ends the search, since it waited for its own predecessors. An erasure
     * that was entered and doesn't run is started: nobody else would, and what it has to forget would be kept
     * from all turns after it.
     */
    async findTurnBefore(input: {
      message: InboundMessage;
      startGraceMs: number;
      limits: TurnLimits;
      /** The message id of the one turn that is asked about; all earlier ones when left out. */
      only?: string;
    }): Promise<TurnBeforeState> {
      const { message, startGraceMs, limits, only } = input;
      const open = await findOpenTurnsBefore(pool, message, { only, limit: TURNS_LOOKED_AT });
      // At most 50 quick look-ups within the time-out of a local activity, which can't heartbeat.
      // eslint-disable-next-line temporal/activity-heartbeat-in-long-loops
      for (const turn of open) {
        const { messageId, workflowId } = turn;
        const status = await statusOf(temporal, workflowId);
        if (status === 'RUNNING') return { state: 'running', workflowId };
        // An erasure that was ended from outside is owed all the same: it is started anew below.
        if (status !== undefined && turn.kind === 'message') {
          // One that Temporal ended wrote nothing down: the next message needs not ask about it again.
          await settleTurn({ pool, temporal }, message.tenantId, turn, status);
          return { state: 'none' };
        }
        if (turn.offeredMs < startGraceMs && turn.waitedMs < LONGEST_START_GRACE_MS)
          return { state: 'starting' };
        if (turn.kind === 'erasure' && (await startErasure(message.tenantId, messageId, limits)))
          return { state: 'running', workflowId };
      }
      return { state: 'none' };
    },
  };
}
