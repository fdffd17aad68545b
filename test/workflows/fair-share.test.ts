/** SPEC §9, fair share: where work has to wait, tenants take turns (`priority.fairnessKey`). */
import { randomUUID } from 'node:crypto';
import { expect, jest, test } from '@jest/globals';
import { handleMessageWorkflowId } from '../../src/domain/ids.ts';
import { REPLY_TASK_QUEUE } from '../../src/temporal/names.ts';
import { searchAttributesOf } from '../../src/temporal/search-attributes.ts';
import type { HandleMessage } from '../../src/workflows/handle-message.ts';
import { fakeActivities } from '../support/fake-activities.ts';
import { acceptedMessage, connectEnvironment, hostWorkflows } from '../support/workflow-host.ts';

jest.setTimeout(60_000);

const FLOOD = 200;

test('a quiet tenant’s message does not wait behind 200 of another tenant', async () => {
  const environment = await connectEnvironment();
  // As the API starts it, while no worker is there to take it.
  const start = async (tenantId: string) => {
    const input = acceptedMessage({ tenantId, text: tenantId });
    return environment.client.workflow.start<typeof HandleMessage>('HandleMessage', {
      workflowId: handleMessageWorkflowId(tenantId, input.message.messageId),
      args: [input],
      taskQueue: REPLY_TASK_QUEUE,
      typedSearchAttributes: searchAttributesOf(input.message),
      priority: { fairnessKey: tenantId },
    });
  };
  const [loud, quiet] = [randomUUID(), randomUUID()];
  const handles = await Promise.all(Array.from({ length: FLOOD }, () => start(loud)));
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
  // First come, first served would make it the last. Before it may go what a worker holds at once (40 slots and its polls).
  expect(taken.indexOf(quiet)).toBeLessThan(100);
});
