import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import type { CustomSlotSupplier, SlotPermit, WorkflowSlotInfo } from '@temporalio/worker';
import { createBegunFirst } from '../../src/worker/begun-first.ts';

const SLOTS = 4;
const MAX_HOLD_MS = 250;

let slots: CustomSlotSupplier<WorkflowSlotInfo>;
let reserved: SlotPermit[];
beforeEach(() => {
  jest.useFakeTimers();
  slots = createBegunFirst({ slots: SLOTS, maxHoldMs: MAX_HOLD_MS });
  reserved = [];
});
afterEach(() => void jest.useRealTimers());

const pass = (ms: number) => jest.advanceTimersByTimeAsync(ms);

/** Requests a slot, as a poll of the sticky queue (of turns that have begun) or of the normal one does. */
function poll(isSticky: boolean): AbortController {
  const abort = new AbortController();
  const context = { isSticky, slotType: 'workflow', taskQueue: 'q', workerIdentity: 'w', workerBuildId: 'b' };
  slots.reserveSlot(context as never, abort.signal).then(
    (permit) => reserved.push(permit),
    () => undefined,
  );
  return abort;
}

/** The poll has brought a task. */
const begin = (permit: SlotPermit) => slots.markSlotUsed({ permit, slotInfo: {} as WorkflowSlotInfo });
const end = (permit: SlotPermit) => slots.releaseSlot({ permit });

async function taskAtWork(): Promise<SlotPermit> {
  poll(true);
  await pass(0);
  const permit = reserved.pop();
  if (!permit) throw new Error('no slot was reserved');
  begin(permit);
  return permit;
}

test('an idle worker polls for both at once', async () => {
  poll(false);
  poll(true);
  await pass(0);
  expect(reserved).toHaveLength(2);
});

test('while a task is at work, what has begun is polled for, and nothing new until it has ended', async () => {
  const task = await taskAtWork();
  poll(false);
  poll(true);
  await pass(50);
  expect(reserved).toHaveLength(1);
  end(task);
  await pass(10);
  expect(reserved).toHaveLength(2);
});

test('while tasks are at work all the time, a new turn is held for maxHoldMs, one after the other', async () => {
  // Each is at work for 45 ms, and the next begins when it ends.
  let task = await taskAtWork();
  poll(false);
  poll(false);
  let heldFor = 0;
  for (; reserved.length < 2; heldFor += 45) {
    await pass(45);
    const next = await taskAtWork();
    end(task);
    task = next;
  }
  expect(heldFor).toBeGreaterThan(2 * MAX_HOLD_MS - 45);
  expect(heldFor).toBeLessThan(2 * MAX_HOLD_MS + 90);
});

test('tasks that wait for something hold nothing, however many and long', async () => {
  for (let n = 0; n < SLOTS - 1; n += 1) await taskAtWork();
  await pass(100);
  poll(false);
  await pass(0);
  expect(reserved).toHaveLength(1);
});

test('a poll that brought nothing is no task at work', async () => {
  poll(true);
  await pass(0);
  poll(false);
  await pass(0);
  expect(reserved).toHaveLength(2);
});

test('no more slots are reserved than there are, and an aborted poll reserves none', async () => {
  const polls = Array.from({ length: SLOTS + 2 }, () => poll(true));
  await pass(1_000);
  expect(reserved).toHaveLength(SLOTS);
  polls.at(SLOTS)?.abort();
  await pass(1_000);
  end(reserved[0] as SlotPermit);
  await pass(1_000);
  expect(reserved).toHaveLength(SLOTS + 1);
});
