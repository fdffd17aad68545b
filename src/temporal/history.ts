/** Histories of workflows, as Temporal has them. */
import type { Client } from '@temporalio/client';
import type { SerializationContext } from '@temporalio/common';
import { decodeArrayFromPayloads } from '@temporalio/common/lib/internal-non-workflow/index.js';
import type { History } from '@temporalio/common/lib/proto-utils.js';
import { isUnknownWorkflow } from './outage.ts';

/** The history of one workflow run. `name` is its name in a report: the file's name or the workflow id. */
export type RecordedHistory = { name: string; workflowId: string; history: History };

export type HistoryEvent = NonNullable<History['events']>[number];

/** The history of a workflow's newest run. Throws when there is none. */
export async function fetchHistory(client: Client, workflowId: string): Promise<RecordedHistory> {
  const history = await client.workflow.getHandle(workflowId).fetchHistory();
  return { name: workflowId, workflowId, history };
}

/**
 * The same, of which no more than some thousand events are read: of a longer history its begin and its last
 * event, and `isPart` is true. Undefined when Temporal doesn't know the workflow.
 */
export async function fetchBoundedHistory(
  client: Client,
  workflowId: string,
  mostEvents: number,
): Promise<(RecordedHistory & { isPart: boolean }) | undefined> {
  const { workflowService } = client;
  const asked = { namespace: client.options.namespace, execution: { workflowId } };
  const events: HistoryEvent[] = [];
  let nextPageToken: Uint8Array | undefined;
  try {
    do {
      const page = await workflowService.getWorkflowExecutionHistory({
        ...asked,
        maximumPageSize: mostEvents,
        ...(nextPageToken && { nextPageToken }),
      });
      events.push(...(page.history?.events ?? []));
      nextPageToken = page.nextPageToken;
    } while (nextPageToken.length > 0 && events.length < mostEvents);
    const isPart = nextPageToken.length > 0;
    if (isPart) {
      const end = await workflowService.getWorkflowExecutionHistoryReverse({ ...asked, maximumPageSize: 1 });
      events.push(...(end.history?.events ?? []).slice(0, 1));
    }
    return { name: workflowId, workflowId, history: { events }, isPart };
  } catch (error) {
    if (isUnknownWorkflow(error)) return undefined;
    throw error;
  }
}

/**
 * The first argument of a workflow's newest run. Of its history no more is read than its begin: the rest may
 * be megabytes. Undefined when Temporal doesn't know it.
 */
export async function fetchInput(client: Client, workflowId: string): Promise<unknown> {
  const { namespace, loadedDataConverter } = client.options;
  try {
    const { history } = await client.workflowService.getWorkflowExecutionHistory({
      namespace,
      execution: { workflowId },
      maximumPageSize: 1,
    });
    const payloads = history?.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads;
    const [input] = await decodeArrayFromPayloads(loadedDataConverter, payloads, contextOf(workflowId));
    return input;
  } catch (error) {
    if (isUnknownWorkflow(error)) return undefined;
    throw error;
  }
}

/**
 * Whose a history's payloads must be: whoever reaches Temporal can put those of another tenant into it, and
 * without this the codec would open them.
 */
export const contextOf = (workflowId: string): SerializationContext => ({
  type: 'workflow',
  // The codec goes by the workflow's tenant.
  namespace: '',
  workflowId,
});

/** The SDK's record of a local activity, in the SDK's snake case. */
export type LocalActivityData = { activity_type: string; attempt: number };

/** A local activity's record; undefined when the event is not a local activity's marker. */
export function localActivityData(event: HistoryEvent): LocalActivityData | undefined {
  const marker = event.markerRecordedEventAttributes;
  const data = marker?.markerName === 'core_local_activity' && marker.details?.['data']?.payloads?.[0]?.data;
  return data ? (JSON.parse(Buffer.from(data).toString('utf8')) as LocalActivityData) : undefined;
}
