/** However many wait for workflows, Temporal holds so many long polls of a process. */
import { getEventListeners } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import type { Client } from '@temporalio/client';
import { mostPlaces } from '../../src/lib/shares.ts';
import {
  createResultWaits,
  lookEveryMs,
  POLLS_FOR_ALL_OF_THESE,
  POLLS_FOR_EACH,
  POLLS_SHARED,
} from '../../src/temporal/result-waits.ts';

import { eventually } from '../support/eventually.ts';

const MOST_POLLS = POLLS_FOR_ALL_OF_THESE + mostPlaces(POLLS_SHARED);
/** What a tenant has that is alone. */
const POLLS_AT_ONCE = POLLS_FOR_EACH + POLLS_SHARED;

beforeEach(() => void jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] }));
afterEach(() => void jest.useRealTimers());

const ANSWERED_AFTER_MS = 20_000;
const GOES_ON = new Uint8Array([1]);
const NOTHING_MORE = new Uint8Array();

/** A Temporal whose workflows run until they are told to end, and which answers a poll after 20 s. */
function fakeTemporal() {
  const ended = new Set<string>();
  const polls = new Map<string, Array<() => void>>();
  const counts = { looks: 0, polls: 0 };
  let aborted: AbortSignal | undefined;
  const poll = (workflowId: string) => {
    counts.polls += 1;
    const end = { history: { events: [{}] }, nextPageToken: NOTHING_MORE };
    if (ended.has(workflowId)) return Promise.resolve(end);
    const { promise, resolve, reject } = Promise.withResolvers<object>();
    const own = polls.get(workflowId) ?? [];
    const leave = (): void => void (own.includes(come) && own.splice(own.indexOf(come), 1));
    const come = (): void => {
      leave();
      resolve(end);
    };
    aborted?.addEventListener('abort', () => {
      leave();
      reject(new Error('cancelled'));
    });
    setTimeout(() => {
      leave();
      resolve({ history: { events: [] }, nextPageToken: GOES_ON });
    }, ANSWERED_AFTER_MS);
    own.push(come);
    polls.set(workflowId, own);
    return promise;
  };
  const temporal = {
    options: { namespace: 'default' },
    withDeadline: async (_until: number, ask: () => Promise<unknown>) => ask(),
    connection: {
      withAbortSignal: async (signal: AbortSignal, ask: () => Promise<unknown>) => {
        aborted = signal;
        // The client hangs something on it for each call, and never takes it away.
        signal.addEventListener('abort', () => undefined);
        return ask();
      },
    },
    workflow: { getHandle: (workflowId: string) => ({ result: () => Promise.resolve(workflowId) }) },
    workflowService: {
      getWorkflowExecutionHistory: (asked: { execution: { workflowId: string } }) =>
        poll(asked.execution.workflowId),
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
  expect(held()).toBeLessThanOrEqual(MOST_POLLS);
  // Three processes stay below what Temporal takes unless it is told otherwise.
  expect(3 * MOST_POLLS).toBeLessThan(1_200);
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
  jest.useRealTimers();
  end('over');
  expect(await over).toBe('over');
  end('first-0');
  await eventually(() => polled('another') === 1);
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

test('each of many tenants has some polls at once', async () => {
  const { temporal, polled } = fakeTemporal();
  const wait = createResultWaits();
  for (let tenant = 0; tenant < 20; tenant += 1)
    void wait(temporal, { tenantId: `t${tenant}`, workflowId: `t${tenant}` }, forEver());
  for (let nth = 0; nth < 4; nth += 1)
    void wait(temporal, { tenantId: 'quiet', workflowId: `quiet-${nth}` }, forEver());
  await settled();
  expect([0, 1, 2, 3].map((nth) => polled(`quiet-${nth}`))).toEqual([1, 1, 1, 1]);
});

test('the more wait without a poll, the further apart each looks', () => {
  expect(lookEveryMs({ own: 1, all: 1 })).toBe(1_000);
  const aSecond = (count: number, ms: number) => (count * 1_000) / ms;
  expect(aSecond(420, lookEveryMs({ own: 420, all: 420 }))).toBe(100);
  expect(aSecond(3_000, lookEveryMs({ own: 100, all: 3_000 }))).toBe(200);
});

test('however long somebody waits, nothing hangs on their signal', async () => {
  const { temporal, counts } = fakeTemporal();
  const wait = createResultWaits();
  for (let nth = 0; nth < POLLS_AT_ONCE; nth += 1)
    void wait(temporal, { tenantId: 'loud', workflowId: `w-${nth}` }, forEver());
  await settled();
  jest.useRealTimers();
  const { signal } = new AbortController();
  void wait(temporal, { tenantId: 'loud', workflowId: 'over' }, signal);
  await eventually(() => counts.looks >= 3);
  expect(getEventListeners(signal, 'abort').length).toBeLessThan(3);
});

test('a poll is asked for anew while somebody waits for it, and no more', async () => {
  const { temporal, counts, held, end } = fakeTemporal();
  const wait = createResultWaits();
  const leaving = new AbortController();
  const left = wait(temporal, { tenantId: 'a', workflowId: 'left' }, leaving.signal);
  const stays = wait(temporal, { tenantId: 'a', workflowId: 'stays' }, forEver());
  await settled();
  await jest.advanceTimersByTimeAsync(60_000);
  // Each is asked for once in the time that Temporal takes to answer.
  expect([held(), counts.polls]).toEqual([2, 8]);
  leaving.abort(new Error('gone'));
  await expect(left).rejects.toThrow('gone');
  await jest.advanceTimersByTimeAsync(60_000);
  expect(held()).toBe(1);
  end('stays');
  expect(await stays).toBe('stays');
});
