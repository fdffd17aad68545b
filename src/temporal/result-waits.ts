import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { Workflow, WorkflowResultType } from '@temporalio/common';
import proto from '@temporalio/proto';
import { ACCEPT_WITHIN_MS } from '../domain/timing.ts';
import { createFairPlaces, type FairPlaces } from '../lib/fair-places.ts';
import { createSharedWaits, type SharedWaits } from '../lib/shared-waits.ts';
import { createShares } from '../lib/shares.ts';
import { statusOf } from './status.ts';

const { HistoryEventFilterType } = proto.temporal.api.enums.v1;

/**
 * Temporal takes 1,200 long polls of a kind at once, of a namespace in each frontend
 * (`frontend.namespaceCount`), unless it is told otherwise, and lets everybody's wait beyond that: three
 * processes stay below. Of these polls each tenant has some at once, whatever others have.
 */
export const POLLS_FOR_EACH = 8;
export const POLLS_FOR_ALL_OF_THESE = 184;
/** Beyond them tenants share out others: one that is alone has so many. */
export const POLLS_SHARED = 47;
/** Temporal answers a poll in 20 s, whatever has come. */
const POLL_WITHIN_MS = 60_000;
/** How late a result may come to whoever has no poll, while few are without. */
const LOOK_EVERY_MS = 1_000;
/** A tenant makes 100 looks a second at most, and all together 200. */
const MS_A_LOOK = { own: 10, all: 5 };
/** Looks at once, of a tenant that is alone. */
const LOOKS_AT_ONCE = 10;

/**
 * Waits for a workflow's result until `signal` is aborted. Rejects as the client's `result()` does, or as its
 * service.
 */
export type WaitForResult<W extends Workflow> = (
  temporal: Client,
  of: { tenantId: string; workflowId: string },
  signal: AbortSignal,
) => Promise<WorkflowResultType<W>>;

type Bounds = {
  /** Takes a poll for a tenant; undefined when it has its share. */
  takePoll: (tenantId: string) => (() => void) | undefined;
  looks: FairPlaces;
  lookers: Counted;
};

/** What all waits over one client share. */
const bounds = new WeakMap<Client, Bounds>();

function boundsOf(temporal: Client): Bounds {
  const own = bounds.get(temporal) ?? createBounds();
  bounds.set(temporal, own);
  return own;
}

function createBounds(): Bounds {
  const few = createCounted();
  const shared = createShares(POLLS_SHARED);
  return {
    takePoll: (tenantId) =>
      few.of(tenantId) < POLLS_FOR_EACH && few.all() < POLLS_FOR_ALL_OF_THESE
        ? few.add(tenantId)
        : shared.take(tenantId),
    looks: createFairPlaces(LOOKS_AT_ONCE),
    lookers: createCounted(),
  };
}

/** How many there are of each tenant, and of all. */
type Counted = { add(tenantId: string): () => void; of(tenantId: string): number; all(): number };

function createCounted(): Counted {
  const counts = new Map<string, number>();
  let all = 0;
  const change = (tenantId: string, by: 1 | -1): void => {
    all += by;
    const count = (counts.get(tenantId) ?? 0) + by;
    if (count === 0) counts.delete(tenantId);
    else counts.set(tenantId, count);
  };
  return {
    add(tenantId) {
      change(tenantId, 1);
      let isThere = true;
      return () => {
        if (isThere) change(tenantId, -1);
        isThere = false;
      };
    },
    of: (tenantId) => counts.get(tenantId) ?? 0,
    all: () => all,
  };
}

/**
 * Makes what waits for workflows of one type. Those who wait for the same workflow share a long poll. Whoever
 * finds none for its tenant looks now and then how the workflow is, and whether a poll has come free.
 */
export function createResultWaits<W extends Workflow = Workflow>(): WaitForResult<W> {
  const waits = new WeakMap<Client, SharedWaits<WorkflowResultType<W>>>();

  return async (temporal, { tenantId, workflowId }, signal) => {
    const { takePoll, looks, lookers } = boundsOf(temporal);
    const shared = waits.get(temporal) ?? createSharedWaits<WorkflowResultType<W>>();
    waits.set(temporal, shared);
    const result = () => temporal.workflow.getHandle<W>(workflowId).result();
    const soon = <T>(ask: () => Promise<T>) => temporal.withDeadline(Date.now() + ACCEPT_WITHIN_MS, ask);
    const leave = lookers.add(tenantId);
    try {
      for (;;) {
        signal.throwIfAborted();
        const isPolled = shared.waitersOf(workflowId) > 0;
        const giveBack = isPolled ? undefined : takePoll(tenantId);
        if (isPolled || giveBack) {
          leave();
          return await shared.join(workflowId, signal, (nobody) =>
            untilEnded(temporal, workflowId, nobody)
              .finally(giveBack)
              .then(() => soon(result)),
          );
        }
        const owner = { tenantId, userId: '' };
        const status = await looks(owner, signal, () => soon(() => statusOf(temporal, workflowId)));
        if (status !== 'RUNNING') return await soon(result);
        const pauseMs = lookEveryMs({ own: lookers.of(tenantId), all: lookers.all() });
        await delay(pauseMs, undefined, { signal });
      }
    } finally {
      leave();
    }
  };
}

/** How far apart the looks of one wait come, while so many of its tenant's and of all have no poll. */
export const lookEveryMs = ({ own, all }: { own: number; all: number }): number =>
  Math.max(LOOK_EVERY_MS, own * MS_A_LOOK.own, all * MS_A_LOOK.all);

/**
 * Waits for a workflow's end by long polls, each of which has a deadline and a signal of its own. The client
 * leaves something at a signal for each call until the signal ends, and goes on by itself with a call that it
 * has tried again. Temporal answers a poll before its deadline.
 */
async function untilEnded(temporal: Client, workflowId: string, nobody: AbortSignal): Promise<void> {
  let nextPageToken: Uint8Array | undefined;
  for (;;) {
    nobody.throwIfAborted();
    const { history, nextPageToken: next } = await poll(temporal, { workflowId, nextPageToken }, nobody);
    const [end] = history?.events ?? [];
    // One that goes on as a new run has no result yet.
    if (end && !end.workflowExecutionContinuedAsNewEventAttributes) return;
    nextPageToken = end || next.length === 0 ? undefined : next;
  }
}

async function poll(
  temporal: Client,
  { workflowId, nextPageToken }: { workflowId: string; nextPageToken: Uint8Array | undefined },
  nobody: AbortSignal,
) {
  const polling = new AbortController();
  const end = (): void => polling.abort(nobody.reason);
  nobody.addEventListener('abort', end, { once: true });
  const ask = () =>
    temporal.workflowService.getWorkflowExecutionHistory({
      namespace: temporal.options.namespace,
      execution: { workflowId },
      waitNewEvent: true,
      historyEventFilterType: HistoryEventFilterType.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT,
      skipArchival: true,
      ...(nextPageToken && { nextPageToken }),
    });
  try {
    return await temporal.withDeadline(Date.now() + POLL_WITHIN_MS, () =>
      temporal.connection.withAbortSignal(polling.signal, ask),
    );
  } finally {
    nobody.removeEventListener('abort', end);
  }
}
