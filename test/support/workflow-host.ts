/** Runs the workflows on the real dev server, with activities of the test's choice. */
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { Runtime, type Logger, type Worker, type WorkflowBundle } from '@temporalio/worker';
import type { Activities } from '../../src/activities/index.ts';
import type { HandleMessageInput } from '../../src/domain/turn.ts';
import { handleMessageWorkflowId } from '../../src/domain/ids.ts';
import { REPLY_TASK_QUEUE } from '../../src/domain/task-queues.ts';
import type { KeyRing } from '../../src/config/index.ts';
import { dataConverter } from '../../src/temporal/data-converter.ts';
import { searchAttributesOf } from '../../src/temporal/search-attributes.ts';
import { workflowBundle } from '../../src/worker/workflow-bundle.ts';
import { createWorkers } from '../../src/worker/workers.ts';
import type { HandleMessage } from '../../src/workflows/handle-message.ts';
import { encryptionConfig, temporalConfig } from './services.ts';

export type WorkflowHost = {
  environment: TestWorkflowEnvironment;
  start(input: HandleMessageInput): ReturnType<typeof startHandleMessage>;
  stop(): Promise<void>;
};

const SILENT: Logger = { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} };

export async function connectEnvironment(logger = SILENT): Promise<TestWorkflowEnvironment> {
  // One runtime per process, until its last connection closes: what comes after installs another.
  try {
    Runtime.install({ logger });
  } catch {
    // Installed already.
  }
  return TestWorkflowEnvironment.createFromExistingServer({
    ...temporalConfig(),
    client: { dataConverter: dataConverter(encryptionConfig().keys) },
  });
}

/** Workers with these activities, running until `stop`. */
export async function hostWorkflows(
  activities: Activities,
  options: { bundle?: WorkflowBundle; keys?: KeyRing; callsAtOnce?: number; logger?: Logger } = {},
): Promise<WorkflowHost> {
  const environment = await connectEnvironment(options.logger);
  const workers = await createWorkers({
    connection: environment.nativeConnection,
    namespace: temporalConfig().namespace,
    keys: options.keys ?? encryptionConfig().keys,
    bundle: options.bundle ?? (await workflowBundle()),
    activities,
    callsAtOnce: options.callsAtOnce ?? 200,
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
