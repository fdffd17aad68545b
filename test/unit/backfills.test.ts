/** What waits to be stored, by Temporal's word: one search for a tenant, counted for each agent. */
import { expect, test } from '@jest/globals';
import type { Client } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { createBackfills } from '../../src/temporal/backfills.ts';

const execution = (agentId: string | undefined, seconds: number) => ({
  startTime: { seconds },
  searchAttributes: {
    indexedFields: agentId === undefined ? {} : { AgentId: defaultPayloadConverter.toPayload(agentId) },
  },
});

const temporalWith = (executions: unknown[], nextPageToken = '') => {
  const asked: string[] = [];
  const temporal = {
    options: { namespace: 'n' },
    withDeadline: (_at: number, work: () => unknown) => work(),
    workflowService: {
      listWorkflowExecutions: async ({ query }: { query: string }) => {
        asked.push(query);
        return { executions, nextPageToken };
      },
    },
  } as unknown as Client;
  return { asked, backfillsOf: createBackfills(temporal) };
};

test('those of an agent are counted among all of its tenant, of which Temporal is asked once', async () => {
  const executions = [execution('a1', 30), execution('a2', 20), execution('a1', 10), execution(undefined, 5)];
  const { asked, backfillsOf } = temporalWith(executions);
  const at = (seconds: number) => new Date(seconds * 1_000).toISOString();
  expect(await backfillsOf('t1', undefined)).toEqual({ waiting: 4, oldestAt: at(5), isPart: false });
  expect(await backfillsOf('t1', 'a1')).toEqual({ waiting: 2, oldestAt: at(10), isPart: false });
  for (let nth = 3; nth < 20; nth += 1)
    expect(await backfillsOf('t1', `a${nth}`)).toEqual({ waiting: 0, oldestAt: null, isPart: false });
  expect(asked).toHaveLength(1);
  await backfillsOf('t2', 'a1');
  expect(asked.map((query) => /TenantId = '(..)'/.exec(query)?.[1])).toEqual(['t1', 't2']);
});

test('more than are listed are said to be there', async () => {
  const { backfillsOf } = temporalWith([execution('a1', 30)], 'more');
  expect(await backfillsOf('t1', 'a1')).toMatchObject({ waiting: 1, isPart: true });
});
