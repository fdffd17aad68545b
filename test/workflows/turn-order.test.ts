import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, test } from '@jest/globals';
import { Context } from '@temporalio/activity';
import type { Activities } from '../../src/activities/index.ts';
import { handleMessageWorkflowId } from '../../src/domain/ids.ts';
import type { HandleMessageInput } from '../../src/domain/turn.ts';
import { eventually } from '../support/eventually.ts';
import { fakeActivities } from '../support/fake-activities.ts';
import { acceptedMessage } from '../support/accepted-message.ts';
import { hostWorkflows, type WorkflowHost } from '../support/workflow-host.ts';

let host: WorkflowHost;
afterEach(() => host.stop());

const reply = { text: 'ok', model: 'fake', usage: null, timingsMs: { firstToken: 1, total: 1 } };

/** Messages of one scope, each with the one before it as its predecessor. */
function scopeOf(count: number, limits: { holdFollowersMs?: number } = {}): HandleMessageInput[] {
  const scope = { tenantId: randomUUID(), agentId: randomUUID(), userId: 'ada' };
  return Array.from({ length: count }, (_, i) =>
    acceptedMessage({ ...scope, seq: i + 1, turnsAhead: i, text: `message ${i + 1}` }, limits),
  );
}

/** Knows what runs as the real activity does: from Temporal. */
const findBefore =
  (messages: HandleMessageInput[]): Activities['findTurnBefore'] =>
  async ({ message }) => {
    const before = messages[message.seq - 2]?.message;
    if (!before) return { state: 'none' };
    const workflowId = handleMessageWorkflowId(before.tenantId, before.messageId);
    const status = await host.environment.client.workflow
      .getHandle(workflowId)
      .describe()
      .then(({ status }) => status.name)
      .catch(() => undefined);
    if (status === 'RUNNING') return { state: 'running', workflowId };
    return { state: status === undefined ? 'starting' : 'none' };
  };

async function hosting(messages: HandleMessageInput[], overrides: Partial<Activities>): Promise<void> {
  host = await hostWorkflows(fakeActivities([], { findTurnBefore: findBefore(messages), ...overrides }));
}

describe('turns of one scope', () => {
  test('are answered one at a time and in order, though they start in another', async () => {
    const messages = scopeOf(12);
    const story: string[] = [];
    await hosting(messages, {
      answerTurn: async ({ text }) => (story.push(`ask ${text}`), reply),
      appendTurnToWindow: async ({ message }) => void story.push(`append ${message.text}`),
    });
    const shuffled = messages.toSorted((a, b) => (a.message.seq % 4) - (b.message.seq % 4));
    const handles = await Promise.all(shuffled.map((message) => host.start(message)));
    await Promise.all(handles.map((handle) => handle.result()));
    expect(story).toEqual(
      messages.flatMap(({ message }) => [`ask ${message.text}`, `append ${message.text}`]),
    );
  });

  test('a turn that hangs holds its follower for the bounded time, which then says so', async () => {
    const messages = scopeOf(3, { holdFollowersMs: 1_500 });
    let finish = (): void => undefined;
    const hung = new Promise<void>((resolve) => (finish = resolve));
    const asked: string[] = [];
    await hosting(messages, {
      answerTurn: async ({ text }) => {
        asked.push(text);
        if (text === 'message 1') await hung;
        return reply;
      },
    });
    const [first, second, third] = await Promise.all(messages.map((message) => host.start(message)));
    const result = await second?.result();
    expect(result?.waitedFor).toMatchObject({ finished: false });
    // The third waited for the second, which was not hung: still in order among themselves.
    expect((await third?.result())?.waitedFor).toMatchObject({ finished: true });
    expect(asked).toEqual(['message 1', 'message 2', 'message 3']);
    expect((await first?.describe())?.status.name).toBe('RUNNING');
    finish();
    await first?.result();
  });

  test('a turn that failed lets its follower go at once', async () => {
    const messages = scopeOf(2);
    await hosting(messages, {
      answerTurn: async ({ text }) => {
        if (text !== 'message 1') return reply;
        await new Promise((resolve) => setTimeout(resolve, 300));
        const { ApplicationFailure } = await import('@temporalio/common');
        throw ApplicationFailure.nonRetryable('no', 'LlmRejected');
      },
    });
    const [first, second] = await Promise.all(messages.map((message) => host.start(message)));
    expect((await second?.result())?.waitedFor).toMatchObject({ finished: true });
    await expect(first?.result()).rejects.toThrow();
  });

  test('so does one that is cancelled', async () => {
    const messages = scopeOf(2);
    let begun = false;
    await hosting(messages, {
      answerTurn: async ({ text }) => {
        if (text !== 'message 1') return reply;
        begun = true;
        const beat = setInterval(() => Context.current().heartbeat(), 100);
        return Context.current().cancelled.finally(() => clearInterval(beat));
      },
    });
    const [first, second] = await Promise.all(messages.map((message) => host.start(message)));
    await eventually(async () => {
      const events = (await first?.fetchHistory())?.events ?? [];
      const names = events.map((event) => event.workflowExecutionSignaledEventAttributes?.signalName);
      return begun && names.includes('followerWaiting');
    });
    await first?.cancel();
    expect((await second?.result())?.waitedFor).toMatchObject({ finished: true });
    await expect(first?.result()).rejects.toThrow();
  });

  test('a turn that is never told asks twice, however many are ahead', async () => {
    const [silent, waiting] = scopeOf(2, { holdFollowersMs: 1 });
    if (!silent || !waiting) throw new Error('two messages were made');
    silent.message.turnsAhead = 1;
    waiting.message.turnsAhead = 4;
    const before = handleMessageWorkflowId(silent.message.tenantId, silent.message.messageId);
    let isSilent = true;
    let asked = 0;
    await hosting([], {
      findTurnBefore: async ({ message }) => {
        if (message.seq === 1) return { state: isSilent ? 'starting' : 'none' };
        asked += 1;
        return { state: 'running', workflowId: before };
      },
    });
    const [first, second] = [await host.start(silent), await host.start(waiting)];
    expect((await second.result()).waitedFor).toEqual({ workflowId: before, finished: false });
    expect(asked).toBe(2);
    isSilent = false;
    await first.result();
  });

  test('when nobody can tell what runs, the reply goes out and says so', async () => {
    const messages = scopeOf(2);
    await hosting(messages, { findTurnBefore: () => Promise.reject(new Error('away')) });
    const second = messages[1];
    if (!second) throw new Error('no second message');
    expect((await (await host.start(second)).result()).missing).toEqual(['order']);
  });
});
