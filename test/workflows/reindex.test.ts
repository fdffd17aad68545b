import { randomUUID } from 'node:crypto';
import { afterEach, expect, test } from '@jest/globals';
import { ApplicationFailure } from '@temporalio/common';
import { FAILURE } from '../../src/domain/failures.ts';
import { reindexWorkflowId } from '../../src/domain/ids.ts';
import type { OldExchange } from '../../src/domain/reindex.ts';
import { EMBEDDING_TASK_QUEUE } from '../../src/domain/task-queues.ts';
import type { Reindex } from '../../src/workflows/reindex.ts';
import { fakeActivities } from '../support/fake-activities.ts';
import { hostWorkflows, type WorkflowHost } from '../support/workflow-host.ts';

let host: WorkflowHost;
afterEach(() => host.stop());

const placeOf = (n: number): OldExchange => ({
  version: 0,
  exchangeId: `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`,
});

function start(key: { tenantId: string; reindexId: string }) {
  return host.environment.client.workflow.start<typeof Reindex>('Reindex', {
    workflowId: reindexWorkflowId(key.tenantId, key.reindexId),
    args: [key],
    taskQueue: EMBEDDING_TASK_QUEUE,
  });
}

test('it goes from place to place, tries a slice again, and goes on in a further run where it was', async () => {
  const calls: string[] = [];
  const places: Array<OldExchange | null> = [];
  let hasFailed = false;
  host = await hostWorkflows(
    fakeActivities(calls, {
      reindexSlice: async ({ after }) => {
        if (places.length === 1 && !hasFailed) {
          hasFailed = true;
          throw new Error('Postgres is away');
        }
        places.push(after);
        return { after: places.length < 22 ? placeOf(places.length) : null };
      },
    }),
  );
  const key = { tenantId: randomUUID(), reindexId: randomUUID() };
  const handle = await start(key);
  const { runId } = await handle.describe();
  expect(await handle.result()).toMatchObject({ ...key, finishedAt: expect.any(String) });
  expect(places).toEqual([null, ...Array.from({ length: 21 }, (_, i) => placeOf(i + 1))]);
  expect(calls.filter((name) => name === 'reindexSlice')).toHaveLength(23);
  // What there is to be done is counted once.
  expect(calls.filter((name) => name !== 'reindexSlice')).toEqual(['beginReindex', 'finishReindex']);
  const last = host.environment.client.workflow.getHandle(handle.workflowId);
  expect((await last.describe()).runId).not.toBe(runId);
}, 120_000);

test('one that nobody has asked for fails at once', async () => {
  const calls: string[] = [];
  host = await hostWorkflows(
    fakeActivities(calls, {
      beginReindex: async () => {
        throw ApplicationFailure.nonRetryable('the operator has not asked for this', FAILURE.notAccepted);
      },
    }),
  );
  const handle = await start({ tenantId: randomUUID(), reindexId: randomUUID() });
  await expect(handle.result()).rejects.toMatchObject({ cause: { cause: { type: FAILURE.notAccepted } } });
  expect(calls).toEqual(['beginReindex']);
});
