/** Fair share: waiting tasks are dispatched in turn by tenant (`priority.fairnessKey`). */
import { randomUUID } from 'node:crypto';
import { expect, jest, test } from '@jest/globals';
import { handleMessageWorkflowId } from '../../src/domain/ids.ts';
import type { HandleMessageInput } from '../../src/domain/turn.ts';
import { REPLY_TASK_QUEUE } from '../../src/domain/task-queues.ts';
import { searchAttributesOf } from '../../src/temporal/search-attributes.ts';
import type { HandleMessage } from '../../src/workflows/handle-message.ts';
import { PLACES } from '../../src/worker/activity-shares.ts';
import { eventually } from '../support/eventually.ts';
import { fakeActivities } from '../support/fake-activities.ts';
import { acceptedMessage } from '../support/accepted-message.ts';
import { connectEnvironment, hostWorkflows } from '../support/workflow-host.ts';

jest.setTimeout(120_000);

const FLOOD = 200;

const EMPTY = {
  ...{ window: [], recalled: [], embedding: null, missing: [] },
  timingsMs: { window: 0, embed: 0, recall: 0 },
};

/** Number of another tenant's earlier messages that are started before the quiet tenant's one message. */
async function takenBeforeTheQuietOne(fairnessKeyOf: (tenantId: string) => string): Promise<number> {
  const environment = await connectEnvironment();
  // Started as the API does it, while no worker runs.
  const start = async (tenantId: string) => {
    const input = acceptedMessage({ tenantId, text: tenantId });
    return environment.client.workflow.start<typeof HandleMessage>('HandleMessage', {
      workflowId: handleMessageWorkflowId(tenantId, input.message.messageId),
      args: [input],
      taskQueue: REPLY_TASK_QUEUE,
      typedSearchAttributes: searchAttributesOf(input.message),
      priority: { fairnessKey: fairnessKeyOf(tenantId) },
    });
  };
  const [loud, quiet] = [randomUUID(), randomUUID()];
  const handles = await Promise.all(Array.from({ length: FLOOD }, () => start(loud)));
  // Concurrent starts reach the queue in any order. The quiet tenant's message must be the last.
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  handles.push(await start(quiet));

  const taken: string[] = [];
  const host = await hostWorkflows(
    fakeActivities([], {
      async gatherContext({ message }) {
        taken.push(message.tenantId);
        return EMPTY;
      },
    }),
  );
  await Promise.all(handles.map((handle) => handle.result()));
  await host.stop();
  await environment.teardown();
  expect(taken).toHaveLength(FLOOD + 1);
  return taken.indexOf(quiet);
}

// A worker's slots and polls (40 and more) can be taken by earlier tasks in any case.
const HELD_AT_ONCE = 100;

test('a quiet tenant’s message does not wait behind 200 of another tenant', async () => {
  expect(await takenBeforeTheQuietOne((tenantId) => tenantId)).toBeLessThan(HELD_AT_ONCE);
});

test('it does when all have the same fairness key: first come, first served', async () => {
  const shared = randomUUID();
  expect(await takenBeforeTheQuietOne(() => shared)).toBeGreaterThanOrEqual(HELD_AT_ONCE);
});

test('of turns that were let go together a tenant’s look-ups take their share, and another tenant’s none of it', async () => {
  const [loud, quiet] = [randomUUID(), randomUUID()];
  const inputs = Array.from({ length: 25 }, () => {
    const scope = { tenantId: loud, agentId: randomUUID(), userId: 'ada' };
    return [0, 1].map((turnsAhead) => acceptedMessage({ ...scope, seq: turnsAhead + 1, turnsAhead }));
  });
  const gathered = { ...EMPTY, missing: ['recall' as const] };
  let letHeadsGo = (): void => undefined;
  const heads = new Promise<void>((resolve) => (letHeadsGo = resolve));
  let letGo = (): void => undefined;
  const held = new Promise<void>((resolve) => (letGo = resolve));
  let atWork = 0;
  let mostAtWork = 0;
  const host = await hostWorkflows(
    fakeActivities([], {
      async findTurnBefore({ message }) {
        const [head] = inputs.find(([, follower]) => follower?.message.messageId === message.messageId) ?? [];
        if (!head) return { state: 'none' };
        return { state: 'running', workflowId: handleMessageWorkflowId(loud, head.message.messageId) };
      },
      async gatherContext({ message }) {
        if (message.tenantId !== loud || message.seq === 1) return gathered;
        atWork += 1;
        mostAtWork = Math.max(mostAtWork, atWork);
        await held;
        atWork -= 1;
        return gathered;
      },
      async answerTurn({ text }) {
        if (text === 'head') await heads;
        return { text: 'ok', model: 'fake', usage: null, timingsMs: { firstToken: 1, total: 1 } };
      },
    }),
  );
  for (const [head] of inputs) if (head) head.message.text = 'head';
  const handles = await Promise.all(inputs.flat().map((input) => host.start(input)));
  // Each follower has asked to be told.
  const hasAsked = async (input: HandleMessageInput) => {
    const workflowId = handleMessageWorkflowId(loud, input.message.messageId);
    const { events } = await host.environment.client.workflow.getHandle(workflowId).fetchHistory();
    return events?.some((event) => event.externalWorkflowExecutionSignaledEventAttributes) === true;
  };
  for (const [, follower] of inputs) await eventually(async () => follower && hasAsked(follower));
  letHeadsGo();
  await eventually(() => atWork === PLACES.gathering);
  for (let i = 0; i < 3; i += 1)
    await (await host.start(acceptedMessage({ tenantId: quiet, text: 'quiet' }))).result();
  expect(mostAtWork).toBe(PLACES.gathering);
  letGo();
  await Promise.all(handles.map((handle) => handle.result()));
  await host.stop();
});
