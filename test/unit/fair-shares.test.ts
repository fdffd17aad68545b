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
  removeTenantWorkflowId,
} from '../../src/domain/ids.ts';
import { mostPlaces } from '../../src/lib/shares.ts';
import { MOST_OPEN_OF_TENANT } from '../../src/domain/rate-limits.ts';
import { DEFERRED_EVERY_MS, DEFERRED_FOR_MS, DEFERRED_WITHIN_MS } from '../../src/domain/timing.ts';
import {
  BACKFILL_ACTIVITY_SLOTS,
  PLACES,
  placesOf,
  replySlots,
  SHARE_OF,
} from '../../src/worker/activity-shares.ts';
import { createFairShares } from '../../src/worker/fair-shares.ts';

const LIMIT = 4;

let shares: ReturnType<typeof createFairShares>;
let beats: unknown[];
beforeEach(() => {
  shares = createFairShares(LIMIT);
  beats = [];
});

type Attempt = { begun: boolean; end: () => void; done: Promise<unknown> };

type AttemptInfo = {
  activityType: string;
  isLocal: boolean;
  details: object;
  workflowType: string;
  args: unknown[];
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
  const { inbound } = shares(context as never);
  made.done = Promise.resolve(
    inbound?.execute?.({ args: more.args ?? [], headers: {} } satisfies ActivityExecuteInput, () => {
      made.begun = true;
      return work;
    }),
  ).catch((error: unknown) => error);
  return made;
}

const begun = (attempts: readonly Attempt[]) => attempts.filter((made) => made.begun).length;
const many = (n: number, tenant: string) => Array.from({ length: n }, () => attempt(tenant));

test('tenants that are removed at once are removed a few at a time, however many they are', () => {
  const removals = Array.from({ length: 36 }, () =>
    attempt('', { activityType: 'removeRuns', workflowId: removeTenantWorkflowId(randomUUID()) }),
  );
  expect(begun(removals)).toBe(PLACES.removing);
  for (const one of removals) one.end();
});

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
    // Else the log has a warning and its stack of each.
    category: 'BENIGN',
  });
  expect(beats).toEqual([{ paidAttempts: 1, deferrals: 3 }]);
});

test('what is put off comes back one by one, and in any case within the bound', async () => {
  many(LIMIT, 'loud');
  const pauses: number[] = [];
  for (const off of many(MOST_OPEN_OF_TENANT, 'loud')) {
    const failure = (await off.done) as ApplicationFailure;
    pauses.push(Number(failure.nextRetryDelay));
  }
  expect(pauses[0]).toBeCloseTo(DEFERRED_FOR_MS, 0);
  expect(pauses[10]).toBeGreaterThan(DEFERRED_FOR_MS + 5 * DEFERRED_EVERY_MS);
  expect(Math.max(...pauses)).toBeLessThanOrEqual(DEFERRED_WITHIN_MS);
  // In no ten seconds come many more than twenty a second.
  const inTenSeconds = Map.groupBy(pauses, (pause) => Math.floor(pause / 10_000));
  expect(Math.max(...[...inTenSeconds.values()].map(({ length }) => length))).toBeLessThan(270);
});

test('a call that ends gives its place back, however it ends', async () => {
  const calls = many(LIMIT, 'loud');
  for (const call of calls) call.end();
  await Promise.all(calls.map(({ done }) => done));
  expect(begun(many(10, 'loud'))).toBe(LIMIT);
});

test('a call whose prompt is long takes more places, for the memory that it holds', () => {
  const long = { messages: [{ role: 'user', content: 'a'.repeat(150_000) }] };
  const calls = Array.from({ length: 10 }, () => attempt('loud', { args: [long] }));
  expect(begun(calls)).toBe(LIMIT / 2);
  expect(attempt('quiet', { args: [long] }).begun).toBe(true);
  expect(attempt('loud', { activityType: 'deliverReply', args: [long] }).begun).toBe(true);
});

test('a channel that hangs takes nothing from the model, and local activities pass', () => {
  many(10, 'loud');
  expect(attempt('loud', { activityType: 'deliverReply' }).begun).toBe(true);
  expect(attempt('loud', { isLocal: true }).begun).toBe(true);
});

/** A step of a kind, in a workflow whose id names the tenant. */
const step = (tenantId: string, activityType: string) => {
  const workflowId = /import/iu.test(activityType)
    ? importMemoryWorkflowId(tenantId, randomUUID())
    : /reindex/iu.test(activityType)
      ? reindexWorkflowId(tenantId, randomUUID())
      : embedAndStoreWorkflowId(tenantId, randomUUID());
  return attempt('', { activityType, workflowId });
};
const shared = Object.entries(SHARE_OF).filter(([, share]) => share in placesOf(LIMIT));

const oneOfEach = new Map(shared.map(([name, share]) => [share, name]));

test.each(shared)('%s is shared out between tenants, and takes no place of another kind', (name, share) => {
  const [loud, quiet] = [randomUUID(), randomUUID()];
  const atOnce = placesOf(LIMIT)[share as keyof typeof PLACES];
  expect(begun(Array.from({ length: 20 }, () => step(loud, name)))).toBe(atOnce);
  expect(step(quiet, name).begun).toBe(true);
  for (const [otherShare, other] of oneOfEach) expect(step(loud, other).begun).toBe(otherShare !== share);
});

test('imports and reindexes share their places', () => {
  const loud = randomUUID();
  const both = Array.from({ length: 8 }, (_, i) => step(loud, i % 2 === 0 ? 'reindexSlice' : 'importSlice'));
  expect(begun(both)).toBe(PLACES.importing);
});

test.each(Object.entries(SHARE_OF).filter(([, share]) => !(share in placesOf(LIMIT))))(
  '%s has no share: it is %s',
  (name) => {
    expect(begun(Array.from({ length: 20 }, () => step(randomUUID(), name)))).toBe(20);
  },
);

test('however many tenants come, the shares leave slots in which an attempt is put off', () => {
  const kinds = {
    replies: ['gatherContext', 'answerTurn', 'deliverReply', 'forgetMemory'],
    backfills: [] as string[],
  };
  kinds.backfills = shared.map(([name]) => name).filter((name) => !kinds.replies.includes(name));
  const taken = (names: readonly string[]) =>
    begun(names.flatMap((name) => Array.from({ length: 300 }, () => step(randomUUID(), name))));
  expect(replySlots(LIMIT) - taken(kinds.replies)).toBeGreaterThanOrEqual(20);
  expect(BACKFILL_ACTIVITY_SLOTS - taken(kinds.backfills)).toBeGreaterThanOrEqual(4);
  expect(mostPlaces(LIMIT)).toBeGreaterThan(LIMIT);
});
