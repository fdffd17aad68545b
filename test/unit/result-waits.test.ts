/** However many wait for workflows, Temporal holds so many long polls of a process. */
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import type { Client } from '@temporalio/client';
import { mostPlaces } from '../../src/lib/shares.ts';
import { createResultWaits, POLLS_AT_ONCE } from '../../src/temporal/result-waits.ts';

beforeEach(() => void jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] }));
afterEach(() => void jest.useRealTimers());

/** A Temporal whose workflows run until they are told to end. */
function fakeTemporal() {
  const ended = new Set<string>();
  const polls = new Map<string, Array<() => void>>();
  const counts = { looks: 0 };
  let aborted: AbortSignal | undefined;
  const result = (workflowId: string): Promise<string> => {
    if (ended.has(workflowId)) return Promise.resolve(workflowId);
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const own = polls.get(workflowId) ?? [];
    const leave = (): void => void own.splice(own.indexOf(come), 1);
    const come = (): void => {
      leave();
      resolve(workflowId);
    };
    aborted?.addEventListener('abort', () => {
      leave();
      reject(new Error('cancelled'));
    });
    own.push(come);
    polls.set(workflowId, own);
    return promise;
  };
  const temporal = {
    options: { namespace: 'default' },
    withDeadline: async (_deadline: number, ask: () => Promise<unknown>) => ask(),
    connection: {
      withAbortSignal: async (signal: AbortSignal, ask: () => Promise<unknown>) => {
        aborted = signal;
        return ask();
      },
    },
    workflow: { getHandle: (workflowId: string) => ({ result: () => result(workflowId) }) },
    workflowService: {
      describeWorkflowExecution: async (asked: { execution: { workflowId: string } }) => {
        counts.looks += 1;
        return { workflowExecutionInfo: { status: ended.has(asked.execution.workflowId) ? 2 : 1 } };
      },
    },
  } as unknown as Client;
  return {
    temporal,
    counts,
    held: () => [...polls.values()].reduce((sum, own) => sum + own.length, 0),
    polled: (workflowId: string) => polls.get(workflowId)?.length ?? 0,
    end(workflowId: string) {
      ended.add(workflowId);
      for (const come of [...(polls.get(workflowId) ?? [])]) come();
    },
  };
}

const settled = async (): Promise<void> => {
  for (let nth = 0; nth < 20; nth += 1) await turn();
};
const forEver = (): AbortSignal => new AbortController().signal;

test('many tenants that wait for many workflows hold a bounded number of polls', async () => {
  const { temporal, held } = fakeTemporal();
  const wait = createResultWaits();
  for (let workflow = 0; workflow < 100; workflow += 1) {
    for (let tenant = 0; tenant < 50; tenant += 1) {
      void wait(temporal, { tenantId: `t${tenant}`, workflowId: `t${tenant}-${workflow}` }, forEver());
    }
  }
  await settled();
  expect(held()).toBeLessThanOrEqual(mostPlaces(POLLS_AT_ONCE));
  // Three processes stay below what Temporal takes unless it is told otherwise.
  expect(3 * mostPlaces(POLLS_AT_ONCE)).toBeLessThan(1_200);
});

test('waits of all kinds share the polls, and all who wait for the same workflow share one', async () => {
  const { temporal, held } = fakeTemporal();
  const [forTurn, forErasure] = [createResultWaits(), createResultWaits()];
  for (let nth = 0; nth < 300; nth += 1) {
    void forTurn(temporal, { tenantId: 'loud', workflowId: `turn-${nth}` }, forEver());
    void forErasure(temporal, { tenantId: 'loud', workflowId: 'erasure' }, forEver());
  }
  await settled();
  expect(held()).toBe(POLLS_AT_ONCE);
});

test('a quiet tenant’s wait is a poll beside a loud one’s many, and comes at once', async () => {
  const { temporal, polled, end } = fakeTemporal();
  const wait = createResultWaits();
  for (let nth = 0; nth < 500; nth += 1) {
    void wait(temporal, { tenantId: 'loud', workflowId: `loud-${nth}` }, forEver());
  }
  const quiet = wait(temporal, { tenantId: 'quiet', workflowId: 'quiet' }, forEver());
  await settled();
  expect(polled('quiet')).toBe(1);
  end('quiet');
  expect(await quiet).toBe('quiet');
});

test('whoever has its share looks every second, and has a poll when one comes free', async () => {
  const { temporal, counts, polled, end } = fakeTemporal();
  const wait = createResultWaits();
  const waitFor = (workflowId: string) => wait(temporal, { tenantId: 'loud', workflowId }, forEver());
  for (let nth = 0; nth < POLLS_AT_ONCE; nth += 1) void waitFor(`first-${nth}`);
  const over = waitFor('over');
  const another = waitFor('another');
  await settled();
  expect([polled('over'), polled('another'), counts.looks]).toEqual([0, 0, 2]);
  end('over');
  await jest.advanceTimersByTimeAsync(1_000);
  expect(await over).toBe('over');
  end('first-0');
  await settled();
  await jest.advanceTimersByTimeAsync(1_000);
  expect(polled('another')).toBe(1);
  end('another');
  expect(await another).toBe('another');
});

test('whoever leaves gives its poll back, and one that has left before takes none', async () => {
  const { temporal, held } = fakeTemporal();
  const wait = createResultWaits();
  for (let nth = 0; nth < 3 * POLLS_AT_ONCE; nth += 1) {
    const leaving = new AbortController();
    const left = wait(temporal, { tenantId: 'loud', workflowId: `w-${nth}` }, leaving.signal);
    await settled();
    expect(held()).toBe(1);
    leaving.abort(new Error('gone'));
    await expect(left).rejects.toThrow('gone');
    await expect(
      wait(temporal, { tenantId: 'loud', workflowId: 'w' }, AbortSignal.abort(new Error('gone before'))),
    ).rejects.toThrow('gone before');
    await settled();
    expect(held()).toBe(0);
  }
});
