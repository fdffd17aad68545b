/** What retries of failed messages cost others, while Temporal is slow to answer. */
import { randomUUID } from 'node:crypto';
import { expect, test } from '@jest/globals';
import type { LedgerTurn } from '../../src/db/ledger.ts';
import { RETRIES_AT_ONCE, retryMessage } from '../../src/intake/retry-message.ts';
import { createFairPlaces } from '../../src/lib/fair-places.ts';

/** A Temporal whose histories come when they are let go. */
function slowTemporal() {
  const asked: Array<{ namespace: string; maximumPageSize?: number }> = [];
  const letGo: Array<() => void> = [];
  return {
    asked,
    letGo,
    client: {
      options: { namespace: 'n', loadedDataConverter: {} },
      withDeadline: (_deadline: number, work: () => Promise<unknown>) => work(),
      workflowService: {
        describeWorkflowExecution: () => Promise.resolve({ workflowExecutionInfo: { status: 3 } }),
        getWorkflowExecutionHistory: (request: (typeof asked)[number]) => {
          asked.push(request);
          return new Promise((resolve) => letGo.push(() => resolve({ history: { events: [{}] } })));
        },
      },
    },
  };
}

function retries(temporal: ReturnType<typeof slowTemporal>, counted: string[], most = 1_000) {
  const dependencies = {
    pool: undefined,
    temporal: temporal.client,
    places: createFairPlaces(RETRIES_AT_ONCE),
    pace: () => Promise.resolve({ accepted: () => undefined }),
    rateLimiter: {
      count: async (tenantId: string) =>
        counted.push(tenantId) > most ? { retryAfterMs: 1_000, limit: 'user' as const } : undefined,
    },
  };
  return (tenantId: string) => {
    const turn = { messageId: randomUUID(), workflowId: 'w', userId: 'u', state: 'failed' };
    return retryMessage(dependencies as never, tenantId, turn as unknown as LedgerTurn);
  };
}
const turns = () => new Promise((resolve) => setTimeout(resolve, 20));

test('of one tenant’s retries two read at once, and another’s reads beside them', async () => {
  const temporal = slowTemporal();
  const retry = retries(temporal, []);
  const loud = Array.from({ length: 100 }, () => retry('loud'));
  await turns();
  expect(temporal.asked).toHaveLength(2);
  const quiet = retry('quiet');
  await turns();
  expect(temporal.asked).toHaveLength(3);
  // No more is read than where the input stands.
  expect(temporal.asked.map(({ maximumPageSize }) => maximumPageSize)).toEqual([1, 1, 1]);
  temporal.letGo[2]?.();
  expect(await quiet).toEqual({ kind: 'too-old' });
  // What has waited in vain for its turn says so.
  expect(new Set((await Promise.all(loud.slice(2))).map(({ kind }) => kind))).toEqual(
    new Set(['unavailable']),
  );
  expect(temporal.asked).toHaveLength(3);
  for (const go of temporal.letGo) go();
  await Promise.all(loud);
});

test('each counts, whatever becomes of it: beyond the limit nothing is read', async () => {
  const temporal = slowTemporal();
  const counted: string[] = [];
  const retry = retries(temporal, counted, 3);
  for (let i = 0; i < 5; i += 1) {
    const retried = retry('a');
    await turns();
    temporal.letGo.at(-1)?.();
    expect(await retried).toMatchObject({ kind: i < 3 ? 'too-old' : 'rate-limited' });
  }
  expect([counted.length, temporal.asked.length]).toEqual([5, 3]);
});
