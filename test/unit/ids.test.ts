import { expect, test } from '@jest/globals';
import {
  embedAndStoreWorkflowId,
  handleMessageWorkflowId,
  parseTurnWorkflowId,
} from '../../src/domain/ids.ts';

const TENANT = '11111111-1111-4111-8111-111111111111';
const MESSAGE = '22222222-2222-4222-8222-222222222222';

test.each([
  ['HandleMessage', handleMessageWorkflowId],
  ['EmbedAndStore', embedAndStoreWorkflowId],
])('a workflow id of %s is parsed back to its tenant and message', (_type, makeWorkflowId) => {
  expect(parseTurnWorkflowId(makeWorkflowId(TENANT, MESSAGE))).toEqual({
    tenantId: TENANT,
    messageId: MESSAGE,
  });
  expect(parseTurnWorkflowId(makeWorkflowId(TENANT, 'a:memory:b'))).toEqual({
    tenantId: TENANT,
    messageId: 'a:memory:b',
  });
});

test.each(['', TENANT, `${TENANT}:message:`, `:message:${MESSAGE}`, `${TENANT}:other:${MESSAGE}`])(
  'any other workflow id is not parsed: %j',
  (workflowId) => {
    expect(parseTurnWorkflowId(workflowId)).toBeUndefined();
  },
);
