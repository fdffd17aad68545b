/**
 * What one message costs, in counts: times depend on the machine, these don't. A number that has to go up here
 * should be worth it; docs/PERFORMANCE.md says what each of them is for.
 */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import type { WorkflowHandle } from '@temporalio/client';
import proto from '@temporalio/proto';
import { Redis } from 'ioredis';
import pg from 'pg';
import { embedAndStoreWorkflowId } from '../../src/domain/ids.ts';
import { eventually } from '../support/eventually.ts';
import { startSystem, type System } from '../support/system.ts';

const { EVENT_TYPE_WORKFLOW_TASK_COMPLETED, EVENT_TYPE_ACTIVITY_TASK_SCHEDULED } =
  proto.temporal.api.enums.v1.EventType;

let system: System;
beforeAll(async () => {
  system = await startSystem();
  // The first message prepares statements and loads scripts.
  await say('I live in Lisbon.');
  await say('My dog is called Rex.');
}, 60_000);
afterAll(() => system.stop());

/** Sends a message; resolves when its memories are stored. */
async function say(text: string): Promise<string> {
  const answer = await system.say(text);
  expect(answer.status).toBe(200);
  const messageId = String(answer.body['messageId']);
  await eventually(async () => {
    const child = system.temporal.workflow.getHandle(embedAndStoreWorkflowId(system.tenantId, messageId));
    return (await child.describe().catch(() => undefined))?.status.name === 'COMPLETED';
  });
  return messageId;
}

test('one message costs no more round trips, workflow tasks and embeddings than this', async () => {
  const query = jest.spyOn(pg.Client.prototype, 'query');
  const command = jest.spyOn(Redis.prototype, 'sendCommand');
  const embed = jest.spyOn(system.embedder, 'embed');
  const messageId = await say('What is my dog called, and where do I live?');
  const counts = {
    queries: query.mock.calls.length,
    redis: command.mock.calls.length,
    embeddings: embed.mock.calls.length,
  };
  jest.restoreAllMocks();

  const reply = await historyOf(
    system.temporal.workflow.getHandle(`${system.tenantId}:message:${messageId}`),
  );
  const backfill = await historyOf(
    system.temporal.workflow.getHandle(embedAndStoreWorkflowId(system.tenantId, messageId)),
  );
  // The question, which is stored with it, and the answer.
  expect(counts.embeddings).toBe(2);
  // Key, ledger, recall and store: four transactions, most of them of five statements with their frame.
  expect(counts.queries).toBeLessThanOrEqual(16);
  // Two rate limits, the window's read, its append.
  expect(counts.redis).toBeLessThanOrEqual(4);
  // Gather and ask the model; append and start the child; end.
  expect(reply).toMatchObject({ workflowTasks: 3, activities: 1 });
  expect(reply.bytes).toBeLessThan(12_000);
  // All in one task, without an activity of its own.
  expect(backfill).toMatchObject({ workflowTasks: 1, activities: 0 });
  expect(backfill.bytes).toBeLessThan(5_000);
});

async function historyOf(handle: WorkflowHandle) {
  const [{ events }, { raw }] = await Promise.all([handle.fetchHistory(), handle.describe()]);
  const count = (type: number) => (events ?? []).filter(({ eventType }) => eventType === type).length;
  return {
    workflowTasks: count(EVENT_TYPE_WORKFLOW_TASK_COMPLETED),
    activities: count(EVENT_TYPE_ACTIVITY_TASK_SCHEDULED),
    bytes: Number(raw.workflowExecutionInfo?.historySizeBytes ?? 0),
  };
}
