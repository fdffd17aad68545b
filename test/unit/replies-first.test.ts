import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { ActivityExecuteInput } from '@temporalio/worker';
import { createRepliesFirst, type RepliesFirst } from '../../src/worker/replies-first.ts';

const SLOTS = 3;
const HELD_FOR_MS = 250;
const BEHIND = 5;

let first: RepliesFirst;
let passed: number;
beforeEach(() => {
  jest.useFakeTimers();
  first = createRepliesFirst({ slots: SLOTS, heldForMs: HELD_FOR_MS, behind: BEHIND });
  passed = 0;
});
afterEach(() => void jest.useRealTimers());

const pass = (ms: number) => jest.advanceTimersByTimeAsync(ms);

/** Asks for a slot, as a poll of the queue or of the sticky queue does before it goes out. */
function poll(isSticky = false): AbortController {
  const abort = new AbortController();
  const context = { isSticky, slotType: 'workflow', taskQueue: 'q', workerIdentity: 'w', workerBuildId: 'b' };
  first.slots.reserveSlot(context as never, abort.signal).then(
    () => (passed += 1),
    () => undefined,
  );
  return abort;
}

/** One step of a reply, at work until told to end. */
function step(activityType: string): () => void {
  let end = (): void => undefined;
  const work = new Promise<void>((resolve) => (end = resolve));
  const { inbound } = first.interceptor({ info: { activityType } } as never);
  void inbound?.execute?.({} as ActivityExecuteInput, () => work);
  return end;
}

test.each([true, false])(
  'with no reply at work a backfill is fetched at once (sticky: %s)',
  async (sticky) => {
    poll(sticky);
    await pass(0);
    expect(passed).toBe(1);
  },
);

test.each([true, false])(
  'while one is at work, it is held for its time, and no longer (sticky: %s)',
  async (sticky) => {
    step('gatherContext');
    poll(sticky);
    await pass(HELD_FOR_MS - 10);
    expect(passed).toBe(0);
    await pass(20);
    expect(passed).toBe(1);
  },
);

test('those that wait for a model hold nothing back', async () => {
  step('answerTurn');
  poll();
  await pass(0);
  expect(passed).toBe(1);
});

test('a model that has answered does: its reply is on its way', async () => {
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

describe('once more replies are done than backfills may be behind', () => {
  const done = (replies: number) => {
    for (let i = 0; i < replies; i += 1) step('answerTurn')();
    return pass(10);
  };

  test('one gets through for each further reply, though the next is at work', async () => {
    step('gatherContext');
    for (let i = 0; i < SLOTS; i += 1) poll();
    await done(BEHIND);
    expect(passed).toBe(0);
    await done(1);
    expect(passed).toBe(1);
    await done(1);
    expect(passed).toBe(2);
  });
});

test('no more than the slots at a time, and one that gave up takes none', async () => {
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
