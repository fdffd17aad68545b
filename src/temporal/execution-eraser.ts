import type { Client } from '@temporalio/client';
import { embedAndStoreWorkflowId, handleMessageWorkflowId } from '../domain/ids.ts';
import { createCallPace } from './call-pace.ts';
import { listRuns, type ListedRun } from './list-runs.ts';
import { isUnknownWorkflow } from './outage.ts';

/** Runs of a look-up: whoever retries for days makes millions of one turn, and they go some at a time. */
const MOST_RUNS = 5_000;

/** A run of a turn that Temporal knows; without its id it is the last of its workflow. */
type KnownRun = { messageId: string; workflowId: string; runId?: string };

/** Finds and deletes executions, with their histories. All steps of a process share its pace. */
type ExecutionEraser = {
  /**
   * Runs of these turns' workflows, running or not. Of very many it finds some thousand, and `isPart` is
   * true: then any of the turns may have further ones.
   */
  find(tenantId: string, messageIds: readonly string[]): Promise<{ runs: KnownRun[]; isPart: boolean }>;
  /** Deletes these runs, and ends those that run. The server deletes them in its own time. */
  erase(runs: readonly KnownRun[]): Promise<void>;
};

/** `onProgress` is called between calls, by the step that calls. */
export function createExecutionEraser(temporal: Client, onProgress: () => void): ExecutionEraser {
  const turn = createCallPace();
  const pace = (): Promise<void> => {
    onProgress();
    return turn();
  };
  const { namespace } = temporal.options;

  /** A turn that was answered again has several runs of one id. Ids hold UUIDs: none ends its quotation. */
  const runsOf = async (workflowIds: readonly string[]) => {
    await pace();
    const query = `WorkflowId IN (${workflowIds.map((id) => `'${id}'`).join(', ')})`;
    const runs: ListedRun[] = [];
    for await (const run of listRuns(temporal, query)) if (runs.push(run) === MOST_RUNS) break;
    onProgress();
    return runs;
  };

  const isKnown = async (workflowId: string): Promise<boolean> => {
    await pace();
    const described = temporal.workflowService.describeWorkflowExecution({
      namespace,
      execution: { workflowId },
    });
    return (await unlessUnknown(described)) !== undefined;
  };

  return {
    async find(tenantId, messageIds) {
      const turnOf = new Map(
        messageIds.flatMap((id) =>
          workflowIdsOf(tenantId, id).map((workflowId) => [workflowId, id] as const),
        ),
      );
      const found: KnownRun[] = [];
      const listed = new Set<string>();
      const runs = await runsOf([...turnOf.keys()]);
      for (const { workflowId, runId } of runs) {
        listed.add(workflowId);
        found.push({ messageId: turnOf.get(workflowId) ?? '', workflowId, runId });
      }
      // The list is late by moments: what runs, or has just ended, may not be in it yet.
      for (const [workflowId, messageId] of turnOf)
        if (!listed.has(workflowId) && (await isKnown(workflowId))) found.push({ messageId, workflowId });
      return { runs: found, isPart: runs.length >= MOST_RUNS };
    },
    async erase(runs) {
      for (const { workflowId, runId } of runs) {
        await pace();
        const workflowExecution = runId === undefined ? { workflowId } : { workflowId, runId };
        const request = { namespace, workflowExecution };
        await unlessUnknown(temporal.workflowService.deleteWorkflowExecution(request));
      }
    },
  };
}

const workflowIdsOf = (tenantId: string, messageId: string): string[] => [
  handleMessageWorkflowId(tenantId, messageId),
  embedAndStoreWorkflowId(tenantId, messageId),
];

/** What the call gives; undefined when the server knows no such execution. */
async function unlessUnknown<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (isUnknownWorkflow(error)) return undefined;
    throw error;
  }
}
