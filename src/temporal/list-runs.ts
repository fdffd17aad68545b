import type { Client } from '@temporalio/client';

/** A run of a workflow, as Temporal lists it. */
export type ListedRun = { workflowId: string; runId: string };

/**
 * The runs that a query of Temporal's visibility finds, newest first, read page by page. Not the client's
 * list, which decodes memos: one that can't be read would keep all of them from whoever erases.
 * @param pageSize runs a page; as many as the server gives when left out
 */
export async function* listRuns(client: Client, query: string, pageSize?: number): AsyncGenerator<ListedRun> {
  let nextPageToken: Uint8Array | undefined;
  do {
    const page = await client.workflowService.listWorkflowExecutions({
      namespace: client.options.namespace,
      query,
      ...(pageSize !== undefined && { pageSize }),
      ...(nextPageToken && { nextPageToken }),
    });
    for (const { execution } of page.executions)
      if (execution?.workflowId && execution.runId)
        yield { workflowId: execution.workflowId, runId: execution.runId };
    nextPageToken = page.nextPageToken;
  } while (nextPageToken.length > 0);
}
