/** Only an erasure that was entered deletes, and each one to its end. */
import { afterAll, describe, expect, jest, test } from '@jest/globals';
import { WorkflowClient, WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import proto from '@temporalio/proto';
import { enterErasure } from '../../src/db/erasures.ts';
import { enterTurn } from '../../src/db/ledger.ts';
import { inTenant } from '../../src/db/tenant-transaction.ts';
import {
  embedAndStoreWorkflowId,
  forgetUserWorkflowId,
  handleMessageWorkflowId,
} from '../../src/domain/ids.ts';
import type { HandleMessageInput } from '../../src/domain/turn.ts';
import { fetchInput } from '../../src/temporal/history.ts';
import { eventually } from '../support/eventually.ts';
import { placesOf } from '../support/every-store.ts';
import { somebody, startForgetting } from '../support/forgetting.ts';
import { isKnown } from '../support/forget-workflow.ts';
import { createTestTenant } from '../support/services.ts';

jest.setTimeout(240_000);

const forgetting = await startForgetting();
const { system, forget, finished, stored, stateOf } = forgetting;
afterAll(() => system.stop());

describe('the door', () => {
  test('is open to nothing that was not entered, to no other role, and to no other tenant', async () => {
    const userId = somebody();
    await system.say('Stay', { userId });
    await stored(userId, 2);
    const { body } = await forget(userId, '', '');
    await finished({ body, status: 202 });
    const { tenantId } = await createTestTenant(system.database.pool);
    const call = (statement: string, tenant = system.tenantId) =>
      inTenantAs(tenant, statement, [String(body['erasureId'])]);
    await expect(call('SELECT forget_memories($1, 10)', tenantId)).rejects.toThrow(/has no erasure/);
    await expect(call('SELECT forget_imports($1, 10)', tenantId)).rejects.toThrow(/has no erasure/);
    await expect(call("SELECT finish_erasure($1, '{}')", tenantId)).rejects.toThrow(/has no erasure/);
    for (const table of [
      'conversation_embeddings',
      'exchange_passages',
      'turns',
      'erasures',
      'memory_imports',
    ])
      await expect(call(`DELETE FROM ${table} WHERE $1::text IS NOT NULL`)).rejects.toThrow(
        /permission denied/,
      );
    await expect(call("SELECT audit_erasure($1, 'a.b', '{}')")).rejects.toThrow(/permission denied/);
    const { rows } = await system.database.admin.query(
      `SELECT proname, r FROM pg_proc, unnest(ARRAY['konstruct_api', 'konstruct_operator']) r
       WHERE pronamespace = 'public'::regnamespace AND proowner = 'konstruct_eraser'::regrole
         AND has_function_privilege(r, pg_proc.oid, 'EXECUTE')`,
    );
    expect(rows).toEqual([]);
  });

  test('a forged erasure deletes nothing', async () => {
    const userId = somebody();
    const { body } = await system.say('Keep this', { userId });
    await stored(userId, 2);
    const input = await fetchInput(system.temporal, String(body['workflowId']));
    const accepted = input as HandleMessageInput;
    // Rows, the window, its size and two executions: the list has them a moment later.
    const places = async () =>
      (await placesOf(system, userId)).filter((place) => !place.startsWith(`${system.tenantId}:erasure`));
    const before = await eventually(async () => {
      const found = await places();
      return found.length === 9 && found;
    });
    for (const forged of [
      accepted,
      { ...accepted, message: { ...accepted.message, channel: { name: 'erasure' }, text: '' } },
      { ...accepted, seals: undefined },
    ]) {
      const handle = await system.temporal.workflow.start('ForgetUser', {
        workflowId: forgetUserWorkflowId(system.tenantId, accepted.message.messageId),
        taskQueue: 'konstruct',
        args: [forged],
      });
      await expect(handle.result()).rejects.toThrow();
      await system.temporal.workflowService.deleteWorkflowExecution({
        namespace: system.temporal.options.namespace,
        workflowExecution: { workflowId: handle.workflowId },
      });
    }
    expect(await places()).toEqual(before);
  });
});

test('an erasure that was terminated before it had emptied memory is started anew by the next message', async () => {
  const userId = somebody();
  await system.say('To be forgotten', { userId });
  await stored(userId, 2);
  const unblock = await forgetting.blockMemories(userId);
  const { body } = await forget(userId, '', '');
  const workflowId = forgetUserWorkflowId(system.tenantId, String(body['erasureId']));
  await eventually(() => isKnown(system.temporal, workflowId));
  await system.temporal.workflow.getHandle(workflowId).terminate('by an operator');
  // A memo that nobody can read is no hindrance.
  await system.temporal.workflowService.startWorkflowExecution({
    namespace: system.temporal.options.namespace,
    workflowId,
    requestId: workflowId,
    workflowType: { name: 'Nobody' },
    taskQueue: { name: 'nobody' },
    memo: {
      fields: { x: { metadata: { encoding: Buffer.from('binary/encrypted') }, data: Buffer.from('x') } },
    },
  });
  await system.temporal.workflow.getHandle(workflowId).terminate('by a stranger');
  await unblock();
  await system.say('And then?', { userId });
  expect((await finished({ body, status: 202 })).removed).toMatchObject({ memories: 2, turns: 1 });
});

test('an erasure that was terminated goes on when it is asked for again; 520 executions go in one', async () => {
  const userId = somebody();
  const turns: string[] = [];
  for (let i = 0; i < 260; i += 1) {
    const scope = { tenantId: system.tenantId, agentId: system.agent.id, userId };
    const entered = await enterTurn(system.database.pool, {
      ...scope,
      dedupeKey: undefined,
      text: 'x',
      threadId: undefined,
    });
    if ('turn' in entered) turns.push(entered.turn.messageId);
  }
  await system.database.admin.query(`UPDATE turns SET state = 'done' WHERE user_id = $1`, [userId]);
  const ids = turns.flatMap((id) => [
    handleMessageWorkflowId(system.tenantId, id),
    embedAndStoreWorkflowId(system.tenantId, id),
  ]);
  for (const workflowId of ids)
    await system.temporal.workflow.start('Nobody', { workflowId, taskQueue: 'nobody', args: [] });

  const { body } = await forget(userId, '', '');
  const handle = system.temporal.workflow.getHandle(
    forgetUserWorkflowId(system.tenantId, String(body['erasureId'])),
  );
  await eventually(async () => (await stateOf(turns[0]))?.state === 'erased');
  await handle.terminate('by an operator');
  const again = await forget(userId);
  expect(again.body['erasureId']).toBe(body['erasureId']);
  const receipt = await finished(again);
  expect(receipt.removed.turns).toBe(260);
  expect(await Promise.all(ids.map((id) => isKnown(system.temporal, id)))).not.toContain(true);
});

function inTenantAs(tenantId: string, statement: string, values: unknown[]): Promise<unknown> {
  return inTenant(system.database.pool, tenantId, (client) => client.query(statement, values));
}

test('whoever waits for a receipt that can’t be read is told to look it up', async () => {
  const userId = somebody();
  const wanted = { tenantId: system.tenantId, agentId: system.agent.id, userId, exchangeId: undefined };
  const entry = await enterErasure(system.database.pool, wanted, { type: 'operator' });
  if (entry.outcome !== 'entered') throw new Error(entry.outcome);
  const { erasureId } = entry.erasure;
  const workflowId = forgetUserWorkflowId(system.tenantId, erasureId);
  const { workflow, workflowService, connection, options } = system.temporal;
  const { namespace } = options;
  const queue = `queue-of-${erasureId}`;
  await workflow.start('Somebody', { workflowId, taskQueue: queue, args: [] });
  const start = jest.spyOn(WorkflowClient.prototype, 'start');
  const asked = forget(userId);
  // The request finds it running, and begins to wait.
  const found = await eventually(() => start.mock.results[0]);
  await expect(found.value).rejects.toThrow(WorkflowExecutionAlreadyStartedError);
  start.mockRestore();
  const { taskToken } = await connection.withDeadline(Date.now() + 60_000, () =>
    workflowService.pollWorkflowTaskQueue({ namespace, taskQueue: { name: queue } }),
  );
  // Not encrypted with the API's keys, as a result that was written with others.
  const result = {
    payloads: [{ metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from('{}') }],
  };
  await workflowService.respondWorkflowTaskCompleted({
    namespace,
    taskToken,
    commands: [
      {
        commandType: proto.temporal.api.enums.v1.CommandType.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION,
        completeWorkflowExecutionCommandAttributes: { result },
      },
    ],
  });
  expect(await asked).toMatchObject({ status: 202, body: { erasureId } });
});
