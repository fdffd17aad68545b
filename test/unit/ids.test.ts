import { expect, test } from '@jest/globals';
import { z } from 'zod';
import {
  embedAndStoreWorkflowId,
  handleMessageWorkflowId,
  idProblem,
  parseTurnWorkflowId,
} from '../../src/domain/ids.ts';
import { idField } from '../../src/intake/fields.ts';

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

/** The path that a client asks for, when an id is a part of it. */
const pathWith = (id: string): string =>
  new URL(`http://konstruct.test/users/${encodeURIComponent(id)}/memory`).pathname;

test.each(['ada', '...', '.a', '..a', 'a.', 'a..', '. .', '../..', '%2e', '%2e%2e', '/', 'é', ' '])(
  'the id %j can be asked for by a path',
  (id) => {
    expect(idProblem(id)).toBeNull();
    const [, , part = '', end] = pathWith(id).split('/');
    expect([decodeURIComponent(part), end]).toEqual([id, 'memory']);
  },
);

test.each(['.', '..'])('the id %j is none, since a path loses it; it says what to do', (id) => {
  expect(pathWith(id)).not.toBe(`/users/${id}/memory`);
  expect(idProblem(id)).toMatch(/no path can hold: add another character/);
});

test('the description’s pattern of an id allows what is one, and nothing else', () => {
  const { pattern = '' } = z.toJSONSchema(idField);
  const described = new RegExp(pattern);
  for (const id of [
    'a',
    '.',
    '..',
    '...',
    '.a',
    '..a',
    'a.',
    '. ',
    '',
    'a\n',
    '\u007f',
    '..\u0000',
    'slack:T1:U1',
  ])
    expect([id, described.test(id)]).toEqual([id, idProblem(id) === null]);
});
