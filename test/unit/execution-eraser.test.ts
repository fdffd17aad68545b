import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import type { Client } from '@temporalio/client';
import { createExecutionEraser } from '../../src/temporal/execution-eraser.ts';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

test('of very many runs some are found, and that there are more is told', async () => {
  const page = (n: number) => ({
    executions: Array.from({ length: 1_000 }, (_, i) => ({
      execution: { workflowId: 't:message:loud', runId: `${n}-${i}` },
    })),
    nextPageToken: new Uint8Array([1]),
  });
  let pages = 0;
  const temporal = {
    options: { namespace: 'default' },
    workflowService: {
      listWorkflowExecutions: async () => page((pages += 1)),
      describeWorkflowExecution: () =>
        Promise.reject(Object.assign(new Error(), { code: 5, details: '', metadata: {} })),
    },
  } as unknown as Client;
  const finding = createExecutionEraser(temporal, () => undefined).find('t', ['loud', 'quiet']);
  await jest.advanceTimersByTimeAsync(1_000);
  const { runs, isPart } = await finding;
  expect([runs.length, isPart, pages]).toEqual([5_000, true, 5]);
});

test('the steps of all erasures share one pace of 200 calls a second', async () => {
  let calls = 0;
  let beats = 0;
  const temporal = {
    options: { namespace: 'default' },
    workflowService: {
      listWorkflowExecutions: async () => ({ executions: [], nextPageToken: new Uint8Array() }),
      describeWorkflowExecution: async () => void (calls += 1),
    },
  } as unknown as Client;
  const { find } = createExecutionEraser(temporal, () => void (beats += 1));
  const ids = Array.from({ length: 300 }, (_, i) => `m${i}`);
  const steps = Array.from({ length: 5 }, () => find('t', ids));
  await jest.advanceTimersByTimeAsync(1_000);
  // The list's own calls are among them.
  expect(calls).toBeGreaterThan(150);
  expect(calls).toBeLessThanOrEqual(201);
  await jest.advanceTimersByTimeAsync(30_000);
  await Promise.all(steps);
  expect(calls).toBe(5 * 600);
  expect(beats).toBeGreaterThan(calls);
});
