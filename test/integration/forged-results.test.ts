/** Whoever reaches Temporal, and has no key, answers in the place of an erasure's steps. */
import { afterAll, expect, jest, test } from '@jest/globals';
import { isGrpcServiceError } from '@temporalio/client';
import type { Payload } from '@temporalio/common';
import { forgetUserWorkflowId } from '../../src/domain/ids.ts';
import { eventually } from '../support/eventually.ts';
import { placesOf } from '../support/every-store.ts';
import { somebody, startForgetting } from '../support/forgetting.ts';
import { startProxy } from '../support/proxy.ts';
import { redisUrl } from '../support/services.ts';

// The server deletes executions in its own time, half a minute and more.
jest.setTimeout(300_000);

const redis = await startProxy(redisUrl());
const { system, forget, finished, stored } = await startForgetting({ worker: { redis } });
afterAll(async () => {
  await system.stop();
  await redis.close();
});

/** What the stranger does is done past the client, which has keys. */
const { workflowService } = system.temporal;
const { namespace } = system.temporal.options;

/** The result of a step, as it stands in the history of an older erasure. */
async function resultOf(workflowId: string, step: string): Promise<Payload[]> {
  const { history } = await workflowService.getWorkflowExecutionHistory({
    namespace,
    execution: { workflowId },
  });
  const events = history?.events ?? [];
  const scheduled = events.find(
    (event) => event.activityTaskScheduledEventAttributes?.activityType?.name === step,
  );
  const completed = events
    .map((event) => event.activityTaskCompletedEventAttributes)
    .find((done) => done && String(done.scheduledEventId) === String(scheduled?.eventId));
  return completed?.result?.payloads ?? [];
}

/** A step that is scheduled and has not ended. */
async function pendingStep(workflowId: string, step: string) {
  const { pendingActivities } = await workflowService.describeWorkflowExecution({
    namespace,
    execution: { workflowId },
  });
  return pendingActivities.find(({ activityType }) => activityType?.name === step);
}

/** Answers in the place of the attempt of a step that is under way; false when none is. */
async function answerFor(workflowId: string, step: string, payloads: Payload[]): Promise<boolean> {
  const { activityId } = (await pendingStep(workflowId, step)) ?? {};
  if (!activityId) return false;
  try {
    const result = { payloads };
    await workflowService.respondActivityTaskCompletedById({ namespace, workflowId, activityId, result });
    return true;
  } catch (error) {
    if (isGrpcServiceError(error)) return false;
    throw error;
  }
}

test('an erasure whose steps a stranger has answered has its receipt once nothing is left', async () => {
  const [ada, victim] = [somebody(), somebody()];
  await system.say('Hello', { userId: ada });
  await stored(ada, 2);
  const { erasureId } = await finished(await forget(ada));
  const copied = await resultOf(forgetUserWorkflowId(system.tenantId, erasureId), 'forgetMemory');
  expect(copied).toHaveLength(1);

  await system.say('My secret is 4711', { userId: victim });
  await stored(victim, 2);
  // Rows, the window, its size and two executions: the list has them a moment later.
  await eventually(async () => (await placesOf(system, victim)).length === 9);
  redis.stall();
  const asked = await forget(victim, '', '');
  const workflowId = forgetUserWorkflowId(system.tenantId, String(asked.body['erasureId']));
  // The real step waits for Redis. Those after it find no turn that is forgotten, and all seems done.
  await eventually(() => answerFor(workflowId, 'forgetMemory', copied), { timeoutMs: 60_000 });
  // The last step waits for Redis as long: once it is tried again, the real first one has failed.
  const isTriedAgain = async () => ((await pendingStep(workflowId, 'finishErasure'))?.attempt ?? 0) > 1;
  await eventually(isTriedAgain, { timeoutMs: 60_000 });
  redis.restore();

  const { removed } = await finished(asked);
  expect(removed).toMatchObject({ memories: 2, passages: 1, turns: 1 });
  expect((await placesOf(system, victim)).map((place) => place.split(' ')[0])).toEqual([
    'scopes',
    workflowId,
  ]);
});
