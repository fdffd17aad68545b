import { beforeEach, expect, test } from '@jest/globals';
import { ApplicationFailure } from '@temporalio/activity';
import type { ActivityExecuteInput } from '@temporalio/worker';
import { FAILURE } from '../../src/domain/failures.ts';
import { handleMessageWorkflowId } from '../../src/domain/ids.ts';
import { DEFERRED_EVERY_MS, DEFERRED_FOR_MS, DEFERRED_WITHIN_MS } from '../../src/domain/timing.ts';
import { createFairShares } from '../../src/worker/fair-shares.ts';

const LIMIT = 4;

let shares: ReturnType<typeof createFairShares>;
let beats: unknown[];
beforeEach(() => {
  shares = createFairShares({ callsAtOnce: LIMIT });
  beats = [];
});

type Attempt = { begun: boolean; end: () => void; done: Promise<unknown> };

/** An attempt of an activity, as the worker hands it to the interceptor. */
function attempt(
  tenant: string,
  { activityType = 'answerTurn', isLocal = false, details = {} } = {},
): Attempt {
  const context = {
    info: {
      activityType,
      isLocal,
      workflowExecution: { workflowId: handleMessageWorkflowId(tenant, 'm') },
      heartbeatDetails: details,
    },
    heartbeat: (sent: unknown) => void beats.push(sent),
  };
  const made: Attempt = { begun: false, end: () => undefined, done: Promise.resolve() };
  const work = new Promise<void>((resolve) => (made.end = resolve));
  const { inbound } = shares.interceptor(context as never);
  made.done = Promise.resolve(
    inbound?.execute?.({ args: [], headers: {} } satisfies ActivityExecuteInput, () => {
      made.begun = true;
      return work;
    }),
  ).catch((error: unknown) => error);
  return made;
}

const begun = (attempts: readonly Attempt[]) => attempts.filter((made) => made.begun).length;
const many = (n: number, tenant: string) => Array.from({ length: n }, () => attempt(tenant));

test('a tenant alone has the whole limit, and one that comes has its share at once', () => {
  expect(begun(many(10, 'loud'))).toBe(LIMIT);
  expect(begun(many(10, 'quiet'))).toBe(LIMIT / 2);
});

test('what is put off is tried again, keeps its details, and counts its deferrals', async () => {
  many(LIMIT, 'loud');
  const off = attempt('loud', { details: { paidAttempts: 1, deferrals: 2 } });
  expect(off.begun).toBe(false);
  expect(await off.done).toMatchObject({
    constructor: ApplicationFailure,
    type: FAILURE.overShare,
    nonRetryable: false,
  });
  expect(beats).toEqual([{ paidAttempts: 1, deferrals: 3 }]);
});

test('what is put off comes back one by one, and in any case within the bound', async () => {
  many(LIMIT, 'loud');
  const pauses: number[] = [];
  for (const off of many(4_000, 'loud')) {
    const failure = (await off.done) as ApplicationFailure;
    pauses.push(Number(failure.nextRetryDelay));
  }
  expect(pauses[0]).toBeCloseTo(DEFERRED_FOR_MS, 0);
  expect(pauses[10]).toBeGreaterThan(DEFERRED_FOR_MS + 5 * DEFERRED_EVERY_MS);
  expect(Math.max(...pauses)).toBeCloseTo(DEFERRED_WITHIN_MS);
});

test('a call that ends gives its place back, however it ends', async () => {
  const calls = many(LIMIT, 'loud');
  for (const call of calls) call.end();
  await Promise.all(calls.map(({ done }) => done));
  expect(begun(many(10, 'loud'))).toBe(LIMIT);
});

test('a channel that hangs takes nothing from the model, and local activities pass', () => {
  many(10, 'loud');
  expect(attempt('loud', { activityType: 'deliverReply' }).begun).toBe(true);
  expect(attempt('loud', { isLocal: true }).begun).toBe(true);
});
