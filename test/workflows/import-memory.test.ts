import { randomUUID } from 'node:crypto';
import { afterEach, expect, test } from '@jest/globals';
import { importMemoryWorkflowId } from '../../src/domain/ids.ts';
import { EMBEDDING_TASK_QUEUE } from '../../src/domain/task-queues.ts';
import type { ImportMemory } from '../../src/workflows/import-memory.ts';
import { fakeActivities } from '../support/fake-activities.ts';
import { hostWorkflows, type WorkflowHost } from '../support/workflow-host.ts';

let host: WorkflowHost;
afterEach(() => host.stop());

test('an import goes slice by slice, tries a slice again, and ends after the last', async () => {
  const calls: string[] = [];
  const slices = [50, new Error('Postgres is away'), 50, 7, 0];
  host = await hostWorkflows(
    fakeActivities(calls, {
      importSlice: async () => {
        const next = slices.shift() ?? 0;
        if (next instanceof Error) throw next;
        return { lines: next };
      },
      finishImport: async () => ({ exchanges: 107, stored: 100 }),
    }),
  );
  const key = { tenantId: randomUUID(), importId: randomUUID() };
  const result = await host.environment.client.workflow.execute<typeof ImportMemory>('ImportMemory', {
    workflowId: importMemoryWorkflowId(key.tenantId, key.importId),
    args: [key],
    taskQueue: EMBEDDING_TASK_QUEUE,
  });
  expect(result).toEqual({ exchanges: 107, stored: 100 });
  expect(calls).toEqual([...Array.from({ length: 5 }, () => 'importSlice'), 'finishImport']);
});

test('a long one goes on in a further run', async () => {
  const calls: string[] = [];
  let left = 21;
  host = await hostWorkflows(
    fakeActivities(calls, {
      importSlice: async () => ({ lines: (left -= 1) < 0 ? 0 : 50 }),
      finishImport: async () => ({ exchanges: 1_050, stored: 1_050 }),
    }),
  );
  const key = { tenantId: randomUUID(), importId: randomUUID() };
  const handle = await host.environment.client.workflow.start<typeof ImportMemory>('ImportMemory', {
    workflowId: importMemoryWorkflowId(key.tenantId, key.importId),
    args: [key],
    taskQueue: EMBEDDING_TASK_QUEUE,
  });
  expect(await handle.result()).toEqual({ exchanges: 1_050, stored: 1_050 });
  expect(calls).toEqual([...Array.from({ length: 22 }, () => 'importSlice'), 'finishImport']);
  const last = host.environment.client.workflow.getHandle(handle.workflowId);
  expect((await last.describe()).runId).not.toBe(handle.firstExecutionRunId);
}, 120_000);
