/** The story of an erasure, with activities of the test's choice. */
import { randomUUID } from 'node:crypto';
import { afterEach, expect, jest, test } from '@jest/globals';
import { Context } from '@temporalio/activity';
import type { Activities } from '../../src/activities/index.ts';
import { ERASURE_CHANNEL, type ForgetUserInput } from '../../src/domain/erasure.ts';
import { forgetUserWorkflowId } from '../../src/domain/ids.ts';
import { REPLY_TASK_QUEUE } from '../../src/domain/task-queues.ts';
import type { ForgetUser } from '../../src/workflows/forget-user.ts';
import { eventually } from '../support/eventually.ts';
import { acceptedMessage } from '../support/accepted-message.ts';
import { fakeActivities } from '../support/fake-activities.ts';
import { hostWorkflows, type WorkflowHost } from '../support/workflow-host.ts';

jest.setTimeout(60_000);

let host: WorkflowHost;
afterEach(() => host.stop());

const SEALS = { id: '', turn: '', text: '', sender: '', background: '' };

async function start(calls: string[], overrides: Partial<Activities>) {
  host = await hostWorkflows(fakeActivities(calls, overrides));
  const { message, limits } = acceptedMessage({ channel: { name: ERASURE_CHANNEL }, text: '', seq: 300 });
  return erase({ message, limits, seals: SEALS });
}

const erase = (input: ForgetUserInput) =>
  host.environment.client.workflow.start<typeof ForgetUser>('ForgetUser', {
    workflowId: forgetUserWorkflowId(input.message.tenantId, input.message.messageId),
    args: [input],
    taskQueue: REPLY_TASK_QUEUE,
  });

test('a large scope goes on in further runs, which keep the counts', async () => {
  const calls: string[] = [];
  const handle = await start(calls, {
    forgetMemory: async () => ({ window: 20, keys: 1 }),
    forgetExecutions: async ({ after }) => ({ last: after < 120 ? after + 1 : null, executions: 2 }),
  });
  const receipt = await handle.result();
  expect(receipt.removed).toMatchObject({ window: 20, keys: 1, executions: 242 });
  expect(calls.filter((call) => call === 'forgetMemory')).toHaveLength(1);
  expect(calls.filter((call) => call === 'finishErasure')).toHaveLength(1);
  const { events } = await handle.fetchHistory();
  const started = events?.[0]?.workflowExecutionStartedEventAttributes;
  expect(started?.continuedExecutionRunId).not.toBe('');
});

test('whoever cancels it changes nothing', async () => {
  const calls: string[] = [];
  let goOn: () => void = () => undefined;
  const waiting = new Promise<void>((resolve) => (goOn = resolve));
  let begun: () => void = () => undefined;
  const wiping = new Promise<void>((resolve) => (begun = resolve));
  const handle = await start(calls, {
    forgetMemory: async () => {
      begun();
      await waiting;
      return { window: 1, keys: 0 };
    },
  });
  await wiping;
  await handle.cancel();
  goOn();
  expect((await handle.result()).removed.window).toBe(1);
  expect(calls).toEqual(['forgetMemory', 'forgetExecutions', 'forgetLedger', 'finishErasure']);
});

test('what waits behind it is told once memory is empty, and asked no patience after that', async () => {
  const calls: string[] = [];
  let goOn: () => void = () => undefined;
  const waiting = new Promise<void>((resolve) => (goOn = resolve));
  let erasureWorkflowId = '';
  const handle = await start(calls, {
    forgetLedger: async () => {
      await waiting;
      return 'all';
    },
    findTurnBefore: async ({ message }) =>
      message.seq === 301 ? { state: 'running', workflowId: erasureWorkflowId } : { state: 'none' },
  });
  erasureWorkflowId = handle.workflowId;
  const follower = await host.start(acceptedMessage({ seq: 301, turnsAhead: 1 }));
  const { waitedFor } = await follower.result();
  expect(waitedFor).toEqual({ workflowId: handle.workflowId, finished: true });
  expect(calls).not.toContain('finishErasure');
  goOn();
  await handle.result();
});

test('forgetting one exchange ends that exchange, and no answer that is under way beside it', async () => {
  let goOn: () => void = () => undefined;
  const waiting = new Promise<void>((resolve) => (goOn = resolve));
  const begun: string[] = [];
  let [exchangeWorkflowId, otherWorkflowId, hasEnded] = ['', '', false];
  host = await hostWorkflows(
    fakeActivities([], {
      answerTurn: async ({ text }) => {
        begun.push(text);
        const beat = setInterval(() => Context.current().heartbeat(), 100);
        await Promise.race([waiting, Context.current().cancelled]).finally(() => clearInterval(beat));
        return { text: 'Rex.', model: 'fake', usage: null, timingsMs: { firstToken: 1, total: 1 } };
      },
      findTurnBefore: async ({ only }) => {
        if (only === undefined) return { state: 'running', workflowId: otherWorkflowId };
        return hasEnded ? { state: 'none' } : { state: 'running', workflowId: exchangeWorkflowId };
      },
      recordFailedTurn: async () => void (hasEnded = true),
    }),
  );
  const scope = { tenantId: randomUUID(), agentId: randomUUID() };
  const forgotten = acceptedMessage({ ...scope, text: 'forgotten', seq: 1 });
  const exchange = await host.start(forgotten);
  const other = await host.start(
    acceptedMessage({ ...scope, text: 'other', seq: 2 }, { holdFollowersMs: 300 }),
  );
  [exchangeWorkflowId, otherWorkflowId] = [exchange.workflowId, other.workflowId];
  await eventually(() => begun.length === 2);
  const { message, limits } = acceptedMessage(
    {
      ...scope,
      channel: { name: ERASURE_CHANNEL },
      text: forgotten.message.messageId,
      seq: 3,
      turnsAhead: 2,
    },
    { holdFollowersMs: 300 },
  );
  const handle = await erase({ message, limits, seals: SEALS });
  await handle.result();
  await expect(exchange.result()).rejects.toThrow();
  expect((await other.describe()).status.name).toBe('RUNNING');
  goOn();
  expect((await other.result()).reply.text).toBe('Rex.');
});

test('erasures of one tenant leave others their steps', async () => {
  let goOn: () => void = () => undefined;
  const waiting = new Promise<void>((resolve) => (goOn = resolve));
  const [loud, quiet] = [randomUUID(), randomUUID()];
  let begun = 0;
  host = await hostWorkflows(
    fakeActivities([], {
      forgetExecutions: async ({ message }) => {
        if (message.tenantId === loud) {
          begun += 1;
          await waiting;
        }
        return { last: null, executions: 0 };
      },
    }),
  );
  const eraseFor = (tenantId: string) => {
    const { message, limits } = acceptedMessage({ tenantId, channel: { name: ERASURE_CHANNEL }, text: '' });
    return erase({ message, limits, seals: SEALS });
  };
  const many = await Promise.all(Array.from({ length: 12 }, () => eraseFor(loud)));
  await eventually(() => begun === 3);
  expect((await (await eraseFor(quiet)).result()).finishedAt).not.toBeNull();
  expect(begun).toBe(3);
  goOn();
  for (const handle of many) await handle.result();
  expect(begun).toBe(12);
});
