import { randomUUID } from 'node:crypto';
import { beforeEach, expect, test } from '@jest/globals';
import { ApplicationFailure } from '@temporalio/activity';
import type { ActivityExecuteInput } from '@temporalio/worker';
import { FAILURE } from '../../src/domain/failures.ts';
import {
  embedAndStoreWorkflowId,
  handleMessageWorkflowId,
  importMemoryWorkflowId,
  reindexWorkflowId,
} from '../../src/domain/ids.ts';
import { mostPlaces } from '../../src/lib/shares.ts';
import { DEFERRED_EVERY_MS, DEFERRED_FOR_MS, DEFERRED_WITHIN_MS } from '../../src/domain/timing.ts';
import { createFairShares } from '../../src/worker/fair-shares.ts';
import {
  BACKFILL_ACTIVITY_SLOTS,
  ERASURES_AT_ONCE,
  IMPORTS_AT_ONCE,
  STORED_AT_ONCE,
} from '../../src/worker/workers.ts';

const LIMIT = 4;

let shares: ReturnType<typeof createFairShares>;
let beats: unknown[];
beforeEach(() => {
  shares = createFairShares({ callsAtOnce: LIMIT });
  beats = [];
});

type Attempt = { begun: boolean; end: () => void; done: Promise<unknown> };

type AttemptInfo = {
  activityType: string;
  isLocal: boolean;
  details: object;
  workflowType: string;
  workflowId: string;
};

/** An attempt of an activity, as the worker hands it to the interceptor. */
function attempt(
  tenant: string,
  { activityType = 'answerTurn', isLocal = false, details = {}, ...more }: Partial<AttemptInfo> = {},
): Attempt {
  const context = {
    info: {
      activityType,
      isLocal,
      workflowType: more.workflowType ?? 'HandleMessage',
      workflowExecution: { workflowId: more.workflowId ?? handleMessageWorkflowId(tenant, 'm') },
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

test('imports and reindexes are shared between tenants by themselves, and leave slots in any case', () => {
  shares = createFairShares({ callsAtOnce: IMPORTS_AT_ONCE, workflowTypes: ['ImportMemory', 'Reindex'] });
  const importing = (tenantId: string) => {
    const workflowId = importMemoryWorkflowId(tenantId, randomUUID());
    return attempt('', { activityType: 'importSlice', workflowType: 'ImportMemory', workflowId });
  };
  const reindexing = (tenantId: string) => {
    const workflowId = reindexWorkflowId(tenantId, randomUUID());
    return attempt('', { activityType: 'reindexSlice', workflowType: 'Reindex', workflowId });
  };
  const [loud, quiet] = [randomUUID(), randomUUID()];
  const both = Array.from({ length: 8 }, (_, i) => (i % 2 === 0 ? reindexing : importing)(loud));
  expect(begun(both)).toBe(IMPORTS_AT_ONCE);
  expect(importing(quiet).begun).toBe(true);
  expect(begun(Array.from({ length: 100 }, () => importing(randomUUID())))).toBe(0);
  expect(begun(many(10, loud))).toBe(10);
  const most = mostPlaces(IMPORTS_AT_ONCE) + mostPlaces(ERASURES_AT_ONCE) + mostPlaces(STORED_AT_ONCE);
  expect(BACKFILL_ACTIVITY_SLOTS - most).toBeGreaterThanOrEqual(4);
});

test('turns that are stored are shared between tenants; what else they owe, and other steps, pass', () => {
  shares = createFairShares({ callsAtOnce: STORED_AT_ONCE, activityType: 'storeTurn' });
  const storing = (tenantId: string, activityType = 'storeTurn') => {
    const workflowId = embedAndStoreWorkflowId(tenantId, randomUUID());
    return attempt('', { activityType, workflowType: 'EmbedAndStore', workflowId });
  };
  const [loud, quiet] = [randomUUID(), randomUUID()];
  expect(begun(Array.from({ length: 20 }, () => storing(loud)))).toBe(STORED_AT_ONCE);
  expect(storing(quiet).begun).toBe(true);
  expect(storing(loud, 'appendOwedTurn').begun).toBe(true);
});
