/** src/worker/sandbox-time-limit.ts keeps the SDK's time limits for workflow code, and removes all others. */
import { decodeOptionalFailureToOptionalError } from '@temporalio/common/lib/internal-non-workflow/index.js';
import { once } from 'node:events';
import vm from 'node:vm';
import { Worker as Thread } from 'node:worker_threads';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import proto from '@temporalio/proto';
import { Worker } from '@temporalio/worker';
import { WORKER_FLAGS } from '../../local/stack/applications.ts';
import { dataConverter } from '../../src/temporal/data-converter.ts';
import { contextOf } from '../../src/temporal/history.ts';
import { limitWorkflowCodeOnly } from '../../src/worker/sandbox-time-limit.ts';
import { workflowBundle } from '../../src/worker/workflow-bundle.ts';
import { eventually } from '../support/eventually.ts';
import { fakeActivities } from '../support/fake-activities.ts';
import { bundleFixture } from '../support/fixture-bundle.ts';
import { encryptionConfig, temporalConfig } from '../support/services.ts';
import { acceptedMessage } from '../support/accepted-message.ts';
import { connectEnvironment, hostWorkflows, type WorkflowHost } from '../support/workflow-host.ts';

jest.setTimeout(90_000);

const { EVENT_TYPE_WORKFLOW_TASK_FAILED } = proto.temporal.api.enums.v1.EventType;

/** A separate queue: the worker with the endless workflows polls the usual one. */
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
    await eventually(async () => (await failures()).length > 0, { timeoutMs: 20_000 });
    const [failed] = await failures();
    const error = await decodeOptionalFailureToOptionalError(
      host.environment.client.options.loadedDataConverter,
      failed?.workflowTaskFailedEventAttributes?.failure,
      contextOf(endless.workflowId),
    );
    expect(error?.message).toMatch(/timed out after 5000ms/);
    await expectOthersToGoOn();
    await endless.terminate();
    // An attempt that still runs blocks the thread for its five seconds.
    await expectOthersToGoOn();
  },
);

describe('with limits only on calls that can run workflow code', () => {
  const { runInContext } = vm.Script.prototype;
  let calls: { name: string; isLimited: boolean }[];
  beforeEach(() => {
    calls = [];
    vm.Script.prototype.runInContext = function (this: vm.Script, context, options): unknown {
      const call: unknown = context['__temporal_args'];
      const name: unknown = Array.isArray(call) ? call[1] : undefined;
      if (typeof name === 'string') calls.push({ name, isLimited: options?.timeout !== undefined });
      return runInContext.call(this, context, options);
    };
    limitWorkflowCodeOnly();
  });
  afterEach(() => {
    vm.Script.prototype.runInContext = runInContext;
  });
  const names = (isLimited: boolean) =>
    new Set(calls.filter((call) => call.isLimited === isLimited).map(({ name }) => name));

  test('a turn has few', async () => {
    const { client, nativeConnection: connection } = await connectEnvironment();
    const worker = await Worker.create({
      connection,
      namespace: temporalConfig().namespace,
      taskQueue: QUEUE,
      workflowBundle: await workflowBundle(),
      activities: fakeActivities([]),
      dataConverter: dataConverter(encryptionConfig().keys),
      // In this thread.
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
    expect(names(true)).toEqual(new Set(['initRuntime', 'activate']));
    expect(names(false)).toEqual(
      new Set(['initialize', 'concludeActivation', 'tryUnblockConditions', 'dispose']),
    );
    expect(calls.filter(({ isLimited }) => isLimited).length).toBeLessThanOrEqual(6);
  });

  test('workflow code that an interrupted call left pending has a limit, in whichever call it runs', () => {
    const context = vm.createContext({ seen: [] }, { microtaskMode: 'afterEvaluate' });
    const call = (name: string, code: string) => {
      context['__temporal_args'] = [{}, name];
      new vm.Script(code).runInContext(context, { timeout: 5_000 });
    };
    call('dispose', '');
    expect(() =>
      call('activate', 'Promise.resolve().then(() => seen.push(1)); throw new Error("no")'),
    ).toThrow('no');
    expect(context['seen']).toEqual([]);
    call('dispose', '');
    expect(context['seen']).toEqual([1]);
    call('dispose', '');
    expect(calls.map(({ isLimited }) => isLimited)).toEqual([false, true, true, false]);
  });
});

test('a worker started with our flags has it in its threads', async () => {
  const code = `import { Script } from 'node:vm';
    import { parentPort } from 'node:worker_threads';
    parentPort.postMessage(String(Script.prototype.runInContext));`;
  const thread = new Thread(new URL(`data:text/javascript,${encodeURIComponent(code)}`), {
    execArgv: [...WORKER_FLAGS],
  });
  const [source] = (await once(thread, 'message')) as [string];
  await thread.terminate();
  expect(source).toContain('mayRunWorkflowCode');
});
