/** Runs the workflows on the real dev server, with activities of the test's choice. */
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { Runtime, type Worker, type WorkflowBundle } from '@temporalio/worker';
import type { Activities } from '../../src/activities/index.ts';
import type { HandleMessageInput } from '../../src/domain/turn.ts';
import { handleMessageWorkflowId } from '../../src/domain/ids.ts';
import { REPLY_TASK_QUEUE } from '../../src/domain/task-queues.ts';
import { searchAttributesOf } from '../../src/temporal/search-attributes.ts';
import { workflowBundle } from '../../src/worker/workflow-bundle.ts';
import { createWorkers } from '../../src/worker/workers.ts';
import type { HandleMessage } from '../../src/workflows/handle-message.ts';
import { temporalConfig } from './services.ts';

export type WorkflowHost = {
  environment: TestWorkflowEnvironment;
  start(input: HandleMessageInput): ReturnType<typeof startHandleMessage>;
  stop(): Promise<void>;
};

export async function connectEnvironment(): Promise<TestWorkflowEnvironment> {
  // One runtime per process; a second test file finds it installed.
  try {
    Runtime.install({ logger: { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} } });
  } catch {
    // Installed already.
  }
  return TestWorkflowEnvironment.createFromExistingServer(temporalConfig());
}

/** Workers with these activities, running until `stop`. */
export async function hostWorkflows(
  activities: Activities,
  options: { bundle?: WorkflowBundle } = {},
): Promise<WorkflowHost> {
  const environment = await connectEnvironment();
  const workers = await createWorkers({
    connection: environment.nativeConnection,
    namespace: temporalConfig().namespace,
    bundle: options.bundle ?? (await workflowBundle()),
    activities,
  });
  const running = workers.map((worker: Worker) => worker.run());
  return {
    environment,
    start: (input) => startHandleMessage(environment, input),
    async stop() {
      for (const worker of workers) worker.shutdown();
      await Promise.all(running);
      await environment.teardown();
    },
  };
}

function startHandleMessage(environment: TestWorkflowEnvironment, input: HandleMessageInput) {
  return environment.client.workflow.start<typeof HandleMessage>('HandleMessage', {
    workflowId: handleMessageWorkflowId(input.message.tenantId, input.message.messageId),
    args: [input],
    taskQueue: REPLY_TASK_QUEUE,
    typedSearchAttributes: searchAttributesOf(input.message),
  });
}
