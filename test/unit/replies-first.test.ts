import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { MockActivityEnvironment } from '@temporalio/testing';
import type { ActivityExecuteInput } from '@temporalio/worker';
import { handleMessageWorkflowId } from '../../src/domain/ids.ts';
import { createFairShares } from '../../src/worker/fair-shares.ts';
import { createRepliesFirst, type RepliesFirst } from '../../src/worker/replies-first.ts';
import { aroundReplies } from '../../src/worker/workers.ts';

const SLOTS = 3;
const MAX_HOLD_MS = 250;
const MAX_BEHIND = 5;

let first: RepliesFirst;
let passed: number;
beforeEach(() => {
  jest.useFakeTimers();
  first = createRepliesFirst({ slots: SLOTS, maxHoldMs: MAX_HOLD_MS, maxBehind: MAX_BEHIND });
  passed = 0;
});
afterEach(() => void jest.useRealTimers());

const pass = (ms: number) => jest.advanceTimersByTimeAsync(ms);

/** Requests a slot, as a poll of the normal or the sticky queue does first. */
function poll(isSticky = false): AbortController {
  const abort = new AbortController();
  const context = { isSticky, slotType: 'workflow', taskQueue: 'q', workerIdentity: 'w', workerBuildId: 'b' };
  first.slots.reserveSlot(context as never, abort.signal).then(
    () => (passed += 1),
    () => undefined,
  );
  return abort;
}

/** Starts an activity of a reply; call the result to end it. */
function step(activityType: string): () => void {
  let end = (): void => undefined;
  const work = new Promise<void>((resolve) => (end = resolve));
  const { inbound } = first.interceptor({ info: { activityType } } as never);
  void inbound?.execute?.({} as ActivityExecuteInput, () => work);
  return end;
}

test.each([true, false])(
  'when no reply is active, a backfill is polled for at once (sticky: %s)',
  async (sticky) => {
    poll(sticky);
    await pass(0);
    expect(passed).toBe(1);
  },
);

test.each([true, false])(
  'while a reply is active, a backfill is held for maxHoldMs, and no longer (sticky: %s)',
  async (sticky) => {
    step('gatherContext');
    poll(sticky);
    await pass(MAX_HOLD_MS - 10);
    expect(passed).toBe(0);
    await pass(20);
    expect(passed).toBe(1);
  },
);

test('a reply that waits for the model holds no backfill', async () => {
  step('answerTurn');
  poll();
  await pass(0);
  expect(passed).toBe(1);
});

test('nor does an erasure, which is none', async () => {
  step('forgetMemory');
  poll();
  await pass(0);
  expect(passed).toBe(1);
});

test('nor do steps that are put off, however many they are', async () => {
  // No place for anybody: each attempt ends before its work.
  const interceptors = aroundReplies(first, createFairShares(0));
  const workflowExecution = { workflowId: handleMessageWorkflowId('loud', 'm'), runId: 'r' };
  const info = { activityType: 'deliverReply', workflowExecution };
  const attempts = Array.from({ length: 20 }, () =>
    new MockActivityEnvironment(info, { interceptors }).run(() => Promise.resolve('begun')),
  );
  const ends = await Promise.allSettled(attempts);
  expect(new Set(ends.map((end) => end.status === 'rejected' && String(end.reason)))).toEqual(
    new Set(['ApplicationFailure: the tenant has its share of the calls at this time']),
  );
  poll();
  await pass(0);
  expect(passed).toBe(1);
});

test('a reply whose model has answered holds backfills again', async () => {
  const answer = step('answerTurn');
  await pass(1_000);
  answer();
  await pass(10);
  poll();
  await pass(50);
  expect(passed).toBe(0);
  await pass(60);
  expect(passed).toBe(1);
});

describe('when backfills are more than maxBehind replies behind', () => {
  const done = (replies: number) => {
    for (let i = 0; i < replies; i += 1) step('answerTurn')();
    return pass(10);
  };

  test('each further reply admits a backfill, even while the next reply is active', async () => {
    step('gatherContext');
    for (let i = 0; i < SLOTS; i += 1) poll();
    await done(MAX_BEHIND);
    expect(passed).toBe(0);
    await done(1);
    expect(passed).toBe(1);
    await done(1);
    expect(passed).toBe(2);
  });
});

test('no more slots are reserved than there are, and an aborted poll reserves none', async () => {
  const polls = Array.from({ length: SLOTS + 2 }, () => poll());
  await pass(1_000);
  expect(passed).toBe(SLOTS);
  polls.at(SLOTS)?.abort();
  await pass(1_000);
  expect(passed).toBe(SLOTS);
  first.slots.releaseSlot({ permit: {} });
  await pass(1_000);
  expect(passed).toBe(SLOTS + 1);
});
