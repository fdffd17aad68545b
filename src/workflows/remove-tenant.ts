import { CancellationScope, sleep } from '@temporalio/workflow';
import type { RemoveTenantInput, TenantRemoval } from '../domain/tenant-removal.ts';
import { finishRemoval, removeKeys, removeRows, removeRuns } from './activities.ts';

/** Temporal deletes executions in its own time: half a minute on a quiet server, longer on a busy one. */
const LOOK_AGAIN_MS = 5_000;
const LOOK_AGAIN_AT_MOST_MS = 5 * 60_000;

/**
 * Removes a tenant from every store: first what runs, so that nothing goes on writing, then what is stored.
 * A step that was under way may have written meanwhile, and a start may have come late: once such have ended
 * all is looked through again. It is not to be stopped half-way: a request to cancel changes nothing.
 */
export async function RemoveTenant(input: RemoveTenantInput): Promise<TenantRemoval> {
  return CancellationScope.nonCancellable(() => remove(input));
}

async function remove({ tenantId, settleMs }: RemoveTenantInput): Promise<TenantRemoval> {
  const first = await removeEverything(tenantId);
  await sleep(settleMs, { summary: 'until nothing can write any more' });
  const late = await removeEverything(tenantId);
  const removed = { executions: first.executions + late.executions, keys: first.keys + late.keys };
  return finishRemoval({ tenantId, removed });
}

async function removeEverything(tenantId: string): Promise<{ executions: number; keys: number }> {
  const executions = await removeRuns({ tenantId });
  let left = executions;
  for (let waitMs = LOOK_AGAIN_MS; left > 0; waitMs = Math.min(2 * waitMs, LOOK_AGAIN_AT_MOST_MS)) {
    await sleep(waitMs, { summary: 'the server deletes in its own time' });
    left = await removeRuns({ tenantId });
  }
  await removeRows({ tenantId });
  return { executions, keys: await removeKeys({ tenantId }) };
}
