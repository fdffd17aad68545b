import { randomUUID } from 'node:crypto';
import { afterEach, expect, test } from '@jest/globals';
import { removeTenantWorkflowId } from '../../src/domain/ids.ts';
import { EMBEDDING_TASK_QUEUE } from '../../src/domain/task-queues.ts';
import type { RemoveTenant } from '../../src/workflows/remove-tenant.ts';
import { fakeActivities } from '../support/fake-activities.ts';
import { hostWorkflows, type WorkflowHost } from '../support/workflow-host.ts';

let host: WorkflowHost;
afterEach(() => host.stop());

test('a removal ends what runs before it deletes, looks again once all has settled, and counts both', async () => {
  const calls: string[] = [];
  const runs = [7, 7, new Error('Temporal is away'), 0, 2, 0];
  const keys = [5, 1];
  host = await hostWorkflows(
    fakeActivities(calls, {
      removeRuns: async () => {
        const next = runs.shift() ?? 0;
        if (next instanceof Error) throw next;
        return next;
      },
      removeKeys: async () => keys.shift() ?? 0,
    }),
  );
  const tenantId = randomUUID();
  const handle = await host.environment.client.workflow.start<typeof RemoveTenant>('RemoveTenant', {
    workflowId: removeTenantWorkflowId(tenantId),
    args: [{ tenantId, settleMs: 1_000 }],
    taskQueue: EMBEDDING_TASK_QUEUE,
  });
  // It can't be undone, so it is not to be stopped half-way.
  await handle.cancel();
  expect(await handle.result()).toMatchObject({ tenantId, removed: { executions: 9, keys: 6 } });
  const look = (times: number) => [
    ...Array.from({ length: times }, () => 'removeRuns'),
    'removeRows',
    'removeKeys',
  ];
  expect(calls).toEqual([...look(4), ...look(2), 'finishRemoval']);
}, 60_000);
