import { isGrpcServiceError, type Client } from '@temporalio/client';
import { DEPLOYMENT } from '../domain/task-queues.ts';

/** gRPC status codes; the SDK has no list of them to import. */
const NOT_FOUND = 5;
const FAILED_PRECONDITION = 9;
const RETRY_MS = 500;

/**
 * Makes a build the one that gets work, as soon as a worker of it polls both task queues. Rejects when none
 * does within `withinMs`.
 */
export async function makeBuildCurrent(
  client: Client,
  buildId: string,
  { withinMs }: { withinMs: number },
): Promise<void> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    try {
      await client.workflowService.setWorkerDeploymentCurrentVersion({
        namespace: client.options.namespace,
        deploymentName: DEPLOYMENT,
        buildId,
        identity: 'konstruct release',
      });
      return;
    } catch (error) {
      if (!isGrpcServiceError(error) || !NOT_YET.has(error.code)) throw error;
      if (Date.now() > deadline) {
        throw new Error(
          `no worker of build ${buildId} polls: start one with WORKER_BUILD_ID=${buildId} (${error.details})`,
          { cause: error },
        );
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

/** Temporal hasn't heard of the build, or its workers don't poll every queue yet that the last one's do. */
const NOT_YET: ReadonlySet<number> = new Set([NOT_FOUND, FAILED_PRECONDITION]);
