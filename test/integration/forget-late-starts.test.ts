/** A start that comes late brings nothing back. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { enterErasure, findErasedTurns, forgetSomeMemories, noteArrived } from '../../src/db/erasures.ts';
import { giveFeedback } from '../../src/db/feedback.ts';
import { enterTurn, finishTurn, markStart } from '../../src/db/ledger.ts';
import { createPool } from '../../src/db/pool.ts';
import { inTenant } from '../../src/db/tenant-transaction.ts';
import { eventually } from '../support/eventually.ts';
import { somebody, startForgetting } from '../support/forgetting.ts';
import { asRole } from '../support/services.ts';
import { isKnown } from '../support/forget-workflow.ts';

jest.setTimeout(240_000);

const forgetting = await startForgetting();
const { system, forget, finished, stateOf, receiptOf } = forgetting;
afterAll(() => system.stop());

const pool = () => system.database.pool;
const admin = () => system.database.admin;
const scopeOf = (userId: string) => ({ tenantId: system.tenantId, agentId: system.agent.id, userId });
/** A turn in the ledger that Temporal knows nothing of. */
async function enterAlone(userId: string, { key, text = 'x' }: { key?: string; text?: string } = {}) {
  const dedupeKey = key && `http:${key}`;
  const entered = await enterTurn(pool(), { ...scopeOf(userId), dedupeKey, text, threadId: undefined });
  if (!('turn' in entered)) throw new Error(entered.outcome);
  return entered.turn;
}

test('a turn whose start may still arrive is waited for, and one that arrives is deleted', async () => {
  const userId = somebody();
  const { messageId, workflowId } = await enterAlone(userId);
  await admin().query(`UPDATE turns SET state = 'refused' WHERE message_id = $1`, [messageId]);
  const { body } = await forget(userId, '', '');
  await eventually(async () => (await stateOf(messageId))?.state === 'erased');
  await system.temporal.workflow.start('Nobody', { workflowId, taskQueue: 'nobody', args: [] });
  expect(await receiptOf(body['erasureId'])).toMatchObject({ finishedAt: null });
  await admin().query(`UPDATE turns SET offered_at = now() - interval '11 minutes' WHERE message_id = $1`, [
    messageId,
  ]);
  expect((await finished({ body, status: 202 })).removed.turns).toBe(1);
  expect(await isKnown(system.temporal, workflowId)).toBe(false);
});

describe('a start can come for ten minutes', () => {
  /** Erases a scope’s turn, half a minute after its start was sent, and says whether that may still come. */
  async function mayStartOnceErased(userId: string, meanwhile: (messageId: string) => Promise<unknown>) {
    const wanted = { ...scopeOf(userId), exchangeId: undefined };
    const entry = await enterErasure(pool(), wanted, { type: 'operator' });
    if (entry.outcome !== 'entered') throw new Error(entry.outcome);
    const { erasureId, seq } = entry.erasure;
    while (await forgetSomeMemories(worker, system.tenantId, erasureId, 10));
    const [found] = await findErasedTurns(worker, wanted, { after: 0, before: seq, limit: 10 });
    if (!found) throw new Error('no erased turn');
    await meanwhile(found.messageId);
    const [now] = await findErasedTurns(worker, wanted, { after: 0, before: seq, limit: 10 });
    return [found.mayStart, now?.mayStart];
  }
  let worker: ReturnType<typeof createPool>;
  beforeAll(() => {
    const databaseUrl = asRole('worker', system.database.url);
    worker = createPool({ databaseUrl, max: 2, statementTimeoutMs: 5_000 });
  });
  afterAll(() => worker.end());
  const arrived = (messageId: string) => noteArrived(worker, system.tenantId, [messageId]);
  const sentLongAgo = (messageId: string, set: string) =>
    admin().query(
      `UPDATE turns SET offered_at = now() - interval '30 seconds', ${set} WHERE message_id = $1`,
      [messageId],
    );

  test('of a turn that Temporal was never seen to have; seconds once it was', async () => {
    const userId = somebody();
    const { messageId } = await enterAlone(userId);
    await sentLongAgo(messageId, `received_at = now() - interval '30 seconds'`);
    expect(await mayStartOnceErased(userId, arrived)).toEqual([true, false]);
  });

  test('of one that was given up on, before it was erased or afterwards', async () => {
    const [before, after] = [somebody(), somebody()];
    await sentLongAgo((await enterAlone(before)).messageId, `state = 'refused'`);
    expect(await mayStartOnceErased(before, arrived)).toEqual([true, true]);
    await sentLongAgo((await enterAlone(after)).messageId, `state = 'accepted'`);
    const givenUp = async (messageId: string) => {
      await arrived(messageId);
      expect(await markStart(pool(), system.tenantId, messageId, 'refused')).toBe(false);
    };
    expect(await mayStartOnceErased(after, givenUp)).toEqual([true, true]);
  });

  test('of one that had failed and was sent again', async () => {
    const userId = somebody();
    const { messageId } = await enterAlone(userId);
    await sentLongAgo(messageId, `state = 'failed', finished_at = now() - interval '40 seconds'`);
    expect(await mayStartOnceErased(userId, arrived)).toEqual([true, true]);
  });

  test('whatever a late writer of the turn does', async () => {
    const userId = somebody();
    const { messageId } = await enterAlone(userId);
    await sentLongAgo(messageId, `state = 'refused'`);
    const late = (id: string) =>
      inTenant(worker, system.tenantId, (client) => finishTurn(client, system.tenantId, id, 'done'));
    expect(await mayStartOnceErased(userId, late)).toEqual([true, true]);
  });
});

test('what somebody thinks of a reply that is erased at this moment is not kept', async () => {
  const { messageId } = await enterAlone(somebody());
  const erasing = await admin().connect();
  try {
    await erasing.query('BEGIN');
    await erasing.query(`UPDATE turns SET state = 'erased' WHERE message_id = $1`, [messageId]);
    const { tenantId } = system;
    const given = giveFeedback(pool(), { tenantId, messageId, userId: 'ada', isGood: true });
    await eventually(async () => {
      const { rows } = await admin().query('SELECT FROM pg_locks WHERE NOT granted');
      return rows.length > 0;
    });
    await erasing.query('COMMIT');
    expect(await given).toBe(false);
  } finally {
    erasing.release();
  }
  expect((await admin().query('SELECT FROM feedback WHERE message_id = $1', [messageId])).rows).toEqual([]);
});

test('a repeated delivery whose turn is erased at this moment starts nothing', async () => {
  const userId = somebody();
  const key = randomUUID();
  const { messageId, workflowId } = await enterAlone(userId, { key, text: 'Say it again' });
  const erasing = await admin().connect();
  await erasing.query('BEGIN');
  await erasing.query(`UPDATE turns SET state = 'erased' WHERE message_id = $1`, [messageId]);
  const delivered = system.say('Say it again', { userId, headers: { 'idempotency-key': key } });
  await eventually(async () => {
    const { rows } = await admin().query('SELECT FROM pg_locks WHERE NOT granted');
    return rows.length > 0;
  });
  await erasing.query('COMMIT');
  erasing.release();
  expect((await delivered).body).toEqual({ messageId, workflowId, state: 'erased' });
  expect(await isKnown(system.temporal, workflowId)).toBe(false);
});
