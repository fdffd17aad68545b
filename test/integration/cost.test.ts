/**
 * Guards the cost of one message by counts, which don't depend on the machine as times do. Raise a number
 * only for a good reason; docs/PERFORMANCE.md explains each.
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
  // The first messages prepare statements and load scripts.
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

test('one message takes no more round trips, workflow tasks and embeddings than these', async () => {
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
  // The question, whose embedding is also stored, and the reply.
  expect(counts.embeddings).toBe(2);
  // API key, ledger, recall and storage: four transactions, most
  // with five statements including BEGIN and COMMIT.
  expect(counts.queries).toBeLessThanOrEqual(16);
  // Two rate limits, the window's read, its append, and before and after that a look whether it is forgotten.
  // With the second look goes what the window takes, which bounds what a tenant takes.
  expect(counts.redis).toBeLessThanOrEqual(7);
  // Task 1 gathers and schedules the reply, task 2 appends and starts the child, task 3 ends.
  expect(reply).toMatchObject({ workflowTasks: 3, activities: 1 });
  // Each transition is a transaction of Temporal's database, which a real server pays for twice: there and in
  // Postgres. Start; each task's start and end; the activity's end; the child's start.
  expect(reply.transitions).toBeLessThanOrEqual(9);
  expect(reply.events).toBeLessThanOrEqual(18);
  // Seals of what intake accepted, and each payload's nonce, tag, key id and tenant, are some 2,500 of these.
  expect(reply.bytes).toBeLessThan(15_000);
  // All in one task with local activities.
  expect(backfill).toMatchObject({ workflowTasks: 1, activities: 0 });
  // Start, its first task's scheduling, start and end.
  expect(backfill.transitions).toBeLessThanOrEqual(4);
  expect(backfill.events).toBeLessThanOrEqual(6);
  expect(backfill.bytes).toBeLessThan(6_000);
});

test('a message that names the user or the agent takes one embedding more', async () => {
  const embed = jest.spyOn(system.embedder, 'embed');
  await say("What is Mara's opinion of my dog?");
  expect(embed).toHaveBeenCalledTimes(3);
  jest.restoreAllMocks();
});

async function historyOf(handle: WorkflowHandle) {
  const [{ events }, { raw }] = await Promise.all([handle.fetchHistory(), handle.describe()]);
  const count = (type: number) => (events ?? []).filter(({ eventType }) => eventType === type).length;
  return {
    workflowTasks: count(EVENT_TYPE_WORKFLOW_TASK_COMPLETED),
    activities: count(EVENT_TYPE_ACTIVITY_TASK_SCHEDULED),
    events: (events ?? []).length,
    transitions: Number(raw.workflowExecutionInfo?.stateTransitionCount ?? Number.NaN),
    bytes: Number(raw.workflowExecutionInfo?.historySizeBytes ?? 0),
  };
}
