import { afterEach, describe, expect, test } from '@jest/globals';
import { ApplicationFailure } from '@temporalio/common';
import { WorkflowFailedError } from '@temporalio/client';
import type { Activities } from '../../src/activities/index.ts';
import { APOLOGY, NO_REPLY } from '../../src/domain/words.ts';
import { embedAndStoreWorkflowId } from '../../src/domain/ids.ts';
import { promptRoom } from '../../src/domain/prompt.ts';
import { fakeActivities } from '../support/fake-activities.ts';
import { acceptedMessage } from '../support/accepted-message.ts';
import { hostWorkflows, type WorkflowHost } from '../support/workflow-host.ts';

let host: WorkflowHost;
let calls: string[] = [];
const hosting = async (overrides: Partial<Activities> = {}) => {
  calls = [];
  host = await hostWorkflows(fakeActivities(calls, overrides));
};
afterEach(() => host.stop());

const unavailable = () => Promise.reject(new Error('away'));

describe('HandleMessage', () => {
  test('gathers, asks the model, appends, then leaves the storing to its child', async () => {
    await hosting();
    const input = acceptedMessage();
    const handle = await host.start(input);
    const result = await handle.result();
    const { tenantId, messageId } = input.message;
    await host.environment.client.workflow.getHandle(embedAndStoreWorkflowId(tenantId, messageId)).result();
    expect(calls).toEqual(['gatherContext', 'answerTurn', 'appendTurnToWindow', 'storeTurn']);
    expect(result).toMatchObject({
      reply: { text: 'Rex.' },
      memory: {
        windowSize: 1,
        recalled: [{ content: 'My dog is called Rex', score: 0.6 }],
        droppedFromWindow: 0,
      },
      missing: [],
      model: 'fake',
    });
  });

  test('a turn that nobody was there to answer in time ends in the apology, unanswered', async () => {
    await hosting();
    const handle = await host.start(acceptedMessage({}, { answeredWithinMs: -1 }));
    const failure = await handle.result().catch((error: unknown) => error);
    expect(failure).toMatchObject({
      cause: { type: 'TurnFailed', details: [{ reply: { text: APOLOGY } }], cause: { type: 'TurnOverdue' } },
    });
    expect(calls).toEqual(['gatherContext', 'recordFailedTurn']);
  });

  test('sends the model the prompt of system, context, window and message', async () => {
    let sent: Parameters<Activities['answerTurn']>[0] | undefined;
    await hosting({
      async answerTurn(input) {
        sent = input;
        return { text: 'Rex.', model: 'fake', usage: null, timingsMs: { firstToken: 1, total: 1 } };
      },
    });
    await (await host.start(acceptedMessage())).result();
    expect(sent?.messages.map(({ role }) => role)).toEqual(['system', 'system', 'user', 'user']);
    expect(sent?.messages[1]?.content).toContain('My dog is called Rex');
  });

  test('tells recall how much room the prompt has: what it drops from the window may be recalled', async () => {
    const rooms: Array<number | undefined> = [];
    await hosting({
      async gatherContext({ roomTokens }) {
        rooms.push(roomTokens);
        return {
          window: [],
          recalled: [],
          embedding: null,
          missing: [],
          timingsMs: { window: 1, embed: 1, recall: 1 },
        };
      },
    });
    const input = acceptedMessage();
    await (await host.start(input)).result();
    const agent = {
      ...input.agent,
      maxPromptTokens: input.agent.maxPromptTokens ?? input.limits.maxPromptTokens,
    };
    expect(rooms).toEqual([promptRoom(agent, input.message.text)]);
  });

  test('is closed while its child is still at work, and the child goes on', async () => {
    let finish = (): void => undefined;
    const finished = new Promise<void>((resolve) => (finish = resolve));
    await hosting({ storeTurn: () => finished });
    const input = acceptedMessage();
    const handle = await host.start(input);
    await handle.result();
    const child = host.environment.client.workflow.getHandle(
      embedAndStoreWorkflowId(input.message.tenantId, input.message.messageId),
    );
    expect((await handle.describe()).status.name).toBe('COMPLETED');
    expect((await child.describe()).status.name).toBe('RUNNING');
    finish();
    await child.result();
  });

  test('answers without memory when memory is away, and says so', async () => {
    await hosting({ gatherContext: unavailable });
    const result = await (await host.start(acceptedMessage())).result();
    expect(result.reply.text).toBe('Rex.');
    expect(result.missing).toEqual(['window', 'recall', 'embedding']);
    expect(result.memory).toEqual({ windowSize: 0, recalled: [], droppedFromWindow: 0 });
  });

  test('hands the append to the child when Redis is away, which tries until it is stored', async () => {
    let attempts = 0;
    await hosting({
      appendTurnToWindow: unavailable,
      appendOwedTurn: async () => {
        attempts += 1;
        if (attempts < 3) throw new Error('still away');
      },
    });
    const input = acceptedMessage();
    const result = await (await host.start(input)).result();
    expect(result.missing).toEqual(['append']);
    const { tenantId, messageId } = input.message;
    await host.environment.client.workflow.getHandle(embedAndStoreWorkflowId(tenantId, messageId)).result();
    expect(attempts).toBe(3);
  });

  test('a permanent failure of the model ends as failed, with a line for the person, and stores nothing', async () => {
    await hosting({
      answerTurn: () =>
        Promise.reject(ApplicationFailure.create({ type: 'LlmRejected', message: 'no', nonRetryable: true })),
    });
    const handle = await host.start(acceptedMessage());
    const error: unknown = await handle.result().catch((thrown: unknown) => thrown);
    if (!(error instanceof WorkflowFailedError)) throw error;
    expect(error.cause).toMatchObject({ type: 'TurnFailed', details: [{ reply: { text: APOLOGY } }] });
    expect(calls).toEqual(['gatherContext', 'answerTurn', 'recordFailedTurn']);
  });

  test('a failure that says why tells the person so', async () => {
    await hosting({
      answerTurn: () =>
        Promise.reject(
          ApplicationFailure.create({
            type: 'LlmRejected',
            nonRetryable: true,
            details: [{ reason: 'outOfCredit' }],
          }),
        ),
    });
    const error: unknown = await (
      await host.start(acceptedMessage())
    )
      .result()
      .catch((thrown: unknown) => thrown);
    if (!(error instanceof WorkflowFailedError)) throw error;
    expect(error.cause).toMatchObject({ details: [{ reply: { text: NO_REPLY.outOfCredit } }] });
  });

  test('a reply that is cut off is kept as the model said it, and its receipt says so', async () => {
    const appended: string[] = [];
    await hosting({
      answerTurn: async () => ({
        text: 'Rex is',
        model: 'fake',
        usage: null,
        finishReason: 'length',
        cutOff: true,
        reasoning: { characters: 12 },
        timingsMs: { firstToken: 1, total: 1 },
      }),
      appendTurnToWindow: async ({ reply }) => void appended.push(reply),
    });
    const result = await (await host.start(acceptedMessage())).result();
    expect(result).toMatchObject({
      reply: { text: 'Rex is' },
      finishReason: 'length',
      cutOff: true,
      reasoning: { characters: 12 },
    });
    expect(appended).toEqual(['Rex is']);
  });

  test('a passing failure of the model is retried, after as long as it asked for', async () => {
    const at: number[] = [];
    await hosting({
      answerTurn: async () => {
        at.push(Date.now());
        if (at.length === 1) {
          throw ApplicationFailure.create({ type: 'LlmUnavailable', nextRetryDelay: '2 seconds' });
        }
        return { text: 'Rex.', model: 'fake', usage: null, timingsMs: { firstToken: 1, total: 1 } };
      },
    });
    await (await host.start(acceptedMessage())).result();
    const [first = 0, second = 0] = at;
    expect(second - first).toBeGreaterThanOrEqual(1_950);
  });

  test('a child that runs already is success', async () => {
    await hosting();
    const input = acceptedMessage();
    await (await host.start(input)).result();
    // The same message a second time, as after a reset: its child has been started before.
    const { tenantId, messageId } = input.message;
    await host.environment.client.workflow.getHandle(embedAndStoreWorkflowId(tenantId, messageId)).result();
    const again = await host.start(input);
    expect((await again.result()).reply.text).toBe('Rex.');
  });
});
