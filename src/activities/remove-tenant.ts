import { ApplicationFailure } from '@temporalio/activity';
import { validate as isUuid } from 'uuid';
import { inParts } from '../db/in-parts.ts';
import { findTenantRemoval, finishTenantRemoval, removeSomeRows } from '../db/tenant-removals.ts';
import { FAILURE } from '../domain/failures.ts';
import { workflowIdsOfTenant } from '../domain/ids.ts';
import { soundCount } from '../domain/sound-count.ts';
import type { TenantRemoval } from '../domain/tenant-removal.ts';
import { removeKeysOf } from '../redis/remove-keys.ts';
import { createCallPace } from '../temporal/call-pace.ts';
import { listRuns } from '../temporal/list-runs.ts';
import { isUnknownWorkflow } from '../temporal/outage.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { notYet } from './not-yet.ts';
import { heartbeat } from './watch-attempt.ts';

type OfTenant = { tenantId: string };

/** Rows of each table in one transaction. Those of others may go with one, as an import's lines do. */
const ROWS_AT_ONCE = 2_000;

/**
 * The steps that remove a tenant; each is safe to repeat. They take no input on trust: nothing is removed of
 * a tenant whose removal the operator has not entered.
 */
export function createRemoveTenant({
  pool,
  redis,
  temporal,
}: Pick<ActivityDependencies, 'pool' | 'redis' | 'temporal'>) {
  const requireRemoval = async (tenantId: string): Promise<TenantRemoval> => {
    const removal = isUuid(tenantId) ? await findTenantRemoval(pool, tenantId) : undefined;
    if (!removal) {
      throw ApplicationFailure.nonRetryable('the operator has not asked for this', FAILURE.notAccepted);
    }
    return removal;
  };

  /** All removals of a process share its pace. */
  const pace = createCallPace();
  const deleteRuns = async (workflowIdPrefix: string): Promise<number> => {
    const { namespace } = temporal.options;
    let taken = 0;
    for await (const workflowExecution of listRuns(
      temporal,
      `WorkflowId STARTS_WITH '${workflowIdPrefix}'`,
    )) {
      heartbeat();
      await pace();
      try {
        await temporal.workflowService.deleteWorkflowExecution({ namespace, workflowExecution });
        taken += 1;
      } catch (error) {
        // Gone: the list is late.
        if (!isUnknownWorkflow(error)) throw error;
      }
    }
    return taken;
  };

  const removeAllRows = (tenantId: string): Promise<void> =>
    inParts(ROWS_AT_ONCE, (atMost) => {
      heartbeat();
      return removeSomeRows(pool, tenantId, atMost);
    });

  return {
    /**
     * Ends and deletes what Temporal lists of a tenant, and gives how many runs it still had: it deletes them
     * in its own time.
     */
    async removeRuns({ tenantId }: OfTenant): Promise<number> {
      await requireRemoval(tenantId);
      return deleteRuns(workflowIdsOfTenant(tenantId));
    },

    /** Deletes all rows of a tenant but its own. */
    async removeRows({ tenantId }: OfTenant): Promise<void> {
      await requireRemoval(tenantId);
      await removeAllRows(tenantId);
    },

    /** Deletes all keys of a tenant in Redis, and gives how many. */
    async removeKeys({ tenantId }: OfTenant): Promise<number> {
      await requireRemoval(tenantId);
      return removeKeysOf(redis, tenantId, heartbeat);
    },

    /**
     * Deletes the tenant's own row, when nothing else is left, and gives the receipt. It takes no step's
     * word: their results came through Temporal, where anybody may have answered in their place. So all is
     * looked through once more. Rejects, to be tried again, while runs are left or may come.
     */
    async finishRemoval(
      input: OfTenant & { removed: Pick<TenantRemoval['removed'], 'executions' | 'keys'> },
    ): Promise<TenantRemoval> {
      const { tenantId, removed } = input;
      await requireRemoval(tenantId);
      const runs = await deleteRuns(workflowIdsOfTenant(tenantId));
      if (runs > 0) throw notYet({ message: `Temporal still had ${runs} runs of the tenant` });
      await removeAllRows(tenantId);
      const keys = soundCount(removed.keys) + (await removeKeysOf(redis, tenantId, heartbeat));
      await finishTenantRemoval(pool, tenantId, { executions: soundCount(removed.executions), keys });
      return requireRemoval(tenantId);
    },
  };
}
