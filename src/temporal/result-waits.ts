import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { Workflow, WorkflowResultType } from '@temporalio/common';
import { ACCEPT_WITHIN_MS } from '../domain/timing.ts';
import { createFairPlaces, type FairPlaces } from '../lib/fair-places.ts';
import { createSharedWaits, type SharedWaits } from '../lib/shared-waits.ts';
import { createShares, type Shares } from '../lib/shares.ts';
import { statusOf } from './status.ts';

/**
 * Workflows that a tenant alone has polled at once; several tenants share out 368. Temporal takes 1,200 long
 * polls of a kind at once, of a namespace in each frontend (`frontend.namespaceCount`), unless it is told
 * otherwise, and lets everybody's wait beyond that: three processes stay below.
 */
export const POLLS_AT_ONCE = 80;
/** How late a result may come to whoever has its share of the polls. */
const LOOK_EVERY_MS = 1_000;
/** Looks at once, of a tenant that is alone. */
const LOOKS_AT_ONCE = 10;

/** Waits for a workflow's result until `signal` is aborted. Rejects as the client's `result()` does. */
export type WaitForResult<W extends Workflow> = (
  temporal: Client,
  of: { tenantId: string; workflowId: string },
  signal: AbortSignal,
) => Promise<WorkflowResultType<W>>;

/** What all waits over one client share. */
const bounds = new WeakMap<Client, { polls: Shares; looks: FairPlaces }>();

function boundsOf(temporal: Client) {
  const own = bounds.get(temporal) ?? {
    polls: createShares(POLLS_AT_ONCE),
    looks: createFairPlaces(LOOKS_AT_ONCE),
  };
  bounds.set(temporal, own);
  return own;
}

/**
 * Makes what waits for workflows of one type. Those who wait for the same workflow share a long poll. Whoever
 * finds its tenant's share of the polls taken looks every second how the workflow is, and whether a poll has
 * come free.
 */
export function createResultWaits<W extends Workflow = Workflow>(): WaitForResult<W> {
  const waits = new WeakMap<Client, SharedWaits<WorkflowResultType<W>>>();

  return async (temporal, { tenantId, workflowId }, signal) => {
    const { polls, looks } = boundsOf(temporal);
    const shared = waits.get(temporal) ?? createSharedWaits<WorkflowResultType<W>>();
    waits.set(temporal, shared);
    const result = () => temporal.workflow.getHandle<W>(workflowId).result();
    const soon = <T>(ask: () => Promise<T>) =>
      temporal.withDeadline(Date.now() + ACCEPT_WITHIN_MS, () =>
        temporal.connection.withAbortSignal(signal, ask),
      );
    for (;;) {
      signal.throwIfAborted();
      const isPolled = shared.waitersOf(workflowId) > 0;
      const giveBack = isPolled ? undefined : polls.take(tenantId);
      if (isPolled || giveBack) {
        return shared.join(workflowId, signal, (nobody) =>
          temporal.connection.withAbortSignal(nobody, result).finally(giveBack),
        );
      }
      const owner = { tenantId, userId: '' };
      const status = await looks(owner, signal, () => soon(() => statusOf(temporal, workflowId)));
      if (status !== 'RUNNING') return soon(result);
      await delay(LOOK_EVERY_MS, undefined, { signal });
    }
  };
}
