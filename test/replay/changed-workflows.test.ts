/** What happens to recorded and to open turns when the workflows' code changes. */
import { afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import type { Activities } from '../../src/activities/index.ts';
import type { InboundMessage } from '../../src/domain/conversation.ts';
import { embedAndStoreWorkflowId } from '../../src/domain/ids.ts';
import { workflowBundle } from '../../src/worker/workflow-bundle.ts';
import { assertFits, checkHistory } from '../../cli/replay/check-history.ts';
import { fetchHistory, type RecordedHistory } from '../../src/temporal/history.ts';
import { eventually } from '../support/eventually.ts';
import { fakeActivities } from '../support/fake-activities.ts';
import { bundleFixture } from '../support/fixture-bundle.ts';
import { acceptedMessage } from '../support/accepted-message.ts';
import { encryptionConfig } from '../support/services.ts';
import { hostWorkflows, type WorkflowHost } from '../support/workflow-host.ts';

jest.setTimeout(90_000);

const { keys } = encryptionConfig();
let host: WorkflowHost;
let calls: string[] = [];
const hosting = async (
  overrides: Partial<Activities> = {},
  options: Parameters<typeof hostWorkflows>[1] = {},
) => {
  calls = [];
  host = await hostWorkflows(fakeActivities(calls, overrides), options);
};
afterEach(() => host.stop());

const childOf = ({ tenantId, messageId }: InboundMessage) =>
  host.environment.client.workflow.getHandle(embedAndStoreWorkflowId(tenantId, messageId));

/** A finished turn's history. */
async function record(name: string): Promise<RecordedHistory> {
  const input = acceptedMessage();
  const handle = await host.start(input);
  await handle.result();
  await childOf(input.message).result();
  return { ...(await fetchHistory(host.environment.client, handle.workflowId)), name };
}

// Bundling takes some seconds each.
let reordered: Awaited<ReturnType<typeof bundleFixture>>;
beforeAll(async () => {
  reordered = await bundleFixture('reordered', { recordCommands: true });
});

test('a reordered activity fails with the history’s name, its event and the code’s command', async () => {
  await hosting();
  const recorded = await record('answered-turn.json');
  await assertFits(recorded, await workflowBundle(), keys);
  const failure: unknown = await assertFits(recorded, reordered, keys).catch((error: unknown) => error);
  if (!(failure instanceof Error)) throw new Error('the reordered workflow passed for the recorded one');
  expect(failure.message).toContain('answered-turn.json');
  expect(failure.message).toMatch(/✗ +\d+ +activity gatherContext +activity answerTurn/);
  expect(failure.message).toMatch(/patched/);
});

test('turns begun by the old code end under the new, and only new turns take the new step', async () => {
  let stuck = true;
  await hosting({
    answerTurn: async () => {
      // The old worker's model hangs until that worker is gone.
      if (stuck) throw new Error('not yet');
      return { text: 'Rex.', model: 'fake', usage: null, timingsMs: { firstToken: 1, total: 1 } };
    },
  });
  const input = acceptedMessage();
  const begun = await host.start(input);
  await eventually(async () => calls.includes('answerTurn'));
  const { workflowId } = begun;
  await host.stop();

  stuck = false;
  const next = await bundleFixture('next-version', { recordCommands: false });
  await hosting({}, { bundle: next });
  const handle = host.environment.client.workflow.getHandle(workflowId);
  expect(await handle.result()).toMatchObject({ reply: { text: 'Rex.' } });
  await childOf(input.message).result();
  expect(calls).not.toContain('recordFailedTurn');
  expect(calls).toContain('storeTurn');

  const fresh = acceptedMessage();
  await (await host.start(fresh)).result();
  expect(calls).toContain('recordFailedTurn');
  await childOf(fresh.message).result();
});

test('an open turn shows before the deployment whether the new code can go on with it', async () => {
  await hosting({ answerTurn: () => Promise.reject(new Error('not yet')) });
  const begun = await host.start(acceptedMessage());
  await eventually(async () => calls.includes('answerTurn'));
  const open = await fetchHistory(host.environment.client, begun.workflowId);
  expect(await checkHistory(open, await workflowBundle(), keys)).toEqual({ fits: true });
  expect(
    await checkHistory(open, await bundleFixture('next-version', { recordCommands: true }), keys),
  ).toEqual({
    fits: true,
  });
  const careless = await checkHistory(
    open,
    await bundleFixture('careless-version', { recordCommands: true }),
    keys,
  );
  expect(careless).toMatchObject({
    fits: false,
    commands: [{ recorded: 'activity gatherContext', code: 'activity recordFailedTurn' }, expect.anything()],
  });
  await begun.terminate('end of the test');
});
