/** What src/temporal/sandbox-time-limit.ts leaves of the SDK's time limits: those for the workflows' code, and no other. */
import vm from 'node:vm';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import proto from '@temporalio/proto';
import { Worker } from '@temporalio/worker';
import { dataConverter } from '../../src/temporal/data-converter.ts';
import { limitWorkflowCodeOnly } from '../../src/temporal/sandbox-time-limit.ts';
import { workflowBundle } from '../../src/temporal/workflow-bundle.ts';
import { fakeActivities } from '../support/fake-activities.ts';
import { bundleFixture } from '../support/fixture-bundle.ts';
import { temporalConfig } from '../support/services.ts';
import { eventually } from '../support/system.ts';
import {
  acceptedMessage,
  connectEnvironment,
  hostWorkflows,
  type WorkflowHost,
} from '../support/workflow-host.ts';

jest.setTimeout(90_000);

const { EVENT_TYPE_WORKFLOW_TASK_FAILED } = proto.temporal.api.enums.v1.EventType;

/** The endless ones' worker serves the usual one. */
const QUEUE = 'sandbox-time-limit';

let host: WorkflowHost;
beforeAll(async () => {
  const bundle = await bundleFixture('endless', { recordCommands: false });
  host = await hostWorkflows(fakeActivities([]), { bundle });
});
afterAll(() => host.stop());

const expectOthersToGoOn = async () => {
  const other = await host.start(acceptedMessage({ text: 'fine' }));
  expect(await other.result()).toBe('never loops');
};

test.each(['at once', 'in a condition', 'after a condition'])(
  'a workflow that loops for ever (%s) fails its task, and others go on',
  async (text) => {
    const endless = await host.start(acceptedMessage({ text }));
    const failures = async () => {
      const { events } = await endless.fetchHistory();
      return (events ?? []).filter(({ eventType }) => eventType === EVENT_TYPE_WORKFLOW_TASK_FAILED);
    };
    await eventually(async () => (await failures()).length > 0, 20_000);
    const [failed] = await failures();
    expect(failed?.workflowTaskFailedEventAttributes?.failure?.message).toMatch(/timed out after 5000ms/);
    await expectOthersToGoOn();
    await endless.terminate();
    // An attempt that is still at it holds the thread for its five seconds.
    await expectOthersToGoOn();
  },
);

test('calls in which no workflow’s code runs have no time limit, so that a turn starts few threads', async () => {
  const calls: { name: string; isLimited: boolean }[] = [];
  const { runInContext } = vm.Script.prototype;
  vm.Script.prototype.runInContext = function (this: vm.Script, context, options): unknown {
    const call: unknown = context['__temporal_args'];
    const name: unknown = Array.isArray(call) ? call[1] : undefined;
    if (typeof name === 'string') calls.push({ name, isLimited: options?.timeout !== undefined });
    return runInContext.call(this, context, options);
  };
  // In this thread, where the SDK runs workflows in debug mode.
  limitWorkflowCodeOnly();
  const { client, nativeConnection: connection } = await connectEnvironment();
  const worker = await Worker.create({
    connection,
    namespace: temporalConfig().namespace,
    taskQueue: QUEUE,
    workflowBundle: await workflowBundle(),
    activities: fakeActivities([]),
    dataConverter,
    debugMode: true,
  });
  const input = acceptedMessage();
  await worker.runUntil(
    client.workflow.execute('HandleMessage', {
      workflowId: input.message.messageId,
      args: [input],
      taskQueue: QUEUE,
    }),
  );
  vm.Script.prototype.runInContext = runInContext;
  const names = (isLimited: boolean) =>
    new Set(calls.filter((call) => call.isLimited === isLimited).map(({ name }) => name));
  expect(names(true)).toEqual(new Set(['activate', 'tryUnblockConditions']));
  expect(names(false)).toEqual(
    new Set(['initRuntime', 'initialize', 'concludeActivation', 'tryUnblockConditions', 'dispose']),
  );
  expect(calls.filter(({ isLimited }) => isLimited).length).toBeLessThanOrEqual(10);
});
