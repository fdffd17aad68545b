/** Fair share: waiting tasks are dispatched in turn by tenant (`priority.fairnessKey`). */
import { randomUUID } from 'node:crypto';
import { expect, jest, test } from '@jest/globals';
import { handleMessageWorkflowId } from '../../src/domain/ids.ts';
import { REPLY_TASK_QUEUE } from '../../src/domain/task-queues.ts';
import { searchAttributesOf } from '../../src/temporal/search-attributes.ts';
import type { HandleMessage } from '../../src/workflows/handle-message.ts';
import { fakeActivities } from '../support/fake-activities.ts';
import { acceptedMessage } from '../support/accepted-message.ts';
import { connectEnvironment, hostWorkflows } from '../support/workflow-host.ts';

jest.setTimeout(120_000);

const FLOOD = 200;

/** Number of another tenant's earlier messages that are started before the quiet tenant's one message. */
async function takenBeforeTheQuietOne(fairnessKeyOf: (tenantId: string) => string): Promise<number> {
  const environment = await connectEnvironment();
  // Started as the API does it, while no worker runs.
  const start = async (tenantId: string) => {
    const input = acceptedMessage({ tenantId, text: tenantId });
    return environment.client.workflow.start<typeof HandleMessage>('HandleMessage', {
      workflowId: handleMessageWorkflowId(tenantId, input.message.messageId),
      args: [input],
      taskQueue: REPLY_TASK_QUEUE,
      typedSearchAttributes: searchAttributesOf(input.message),
      priority: { fairnessKey: fairnessKeyOf(tenantId) },
    });
  };
  const [loud, quiet] = [randomUUID(), randomUUID()];
  const handles = await Promise.all(Array.from({ length: FLOOD }, () => start(loud)));
  // Concurrent starts reach the queue in any order. The quiet tenant's message must be the last.
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  handles.push(await start(quiet));

  const taken: string[] = [];
  const host = await hostWorkflows(
    fakeActivities([], {
      async gatherContext({ message }) {
        taken.push(message.tenantId);
        return {
          window: [],
          recalled: [],
          embedding: null,
          missing: [],
          timingsMs: { window: 0, embed: 0, recall: 0 },
        };
      },
    }),
  );
  await Promise.all(handles.map((handle) => handle.result()));
  await host.stop();
  await environment.teardown();
  expect(taken).toHaveLength(FLOOD + 1);
  return taken.indexOf(quiet);
}

// A worker's slots and polls (40 and more) can be taken by earlier tasks in any case.
const HELD_AT_ONCE = 100;

test('a quiet tenant’s message does not wait behind 200 of another tenant', async () => {
  expect(await takenBeforeTheQuietOne((tenantId) => tenantId)).toBeLessThan(HELD_AT_ONCE);
});

test('it does when all have the same fairness key: first come, first served', async () => {
  const shared = randomUUID();
  expect(await takenBeforeTheQuietOne(() => shared)).toBeGreaterThanOrEqual(HELD_AT_ONCE);
});
