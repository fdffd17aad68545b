/**
 * One message, sent any number of times: at once, before and after a restart, and after its workflow's
 * retention.
 */
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import { embedAndStoreWorkflowId, handleMessageWorkflowId } from '../../src/domain/ids.ts';
import { lazyClient } from '../../src/temporal/connection.ts';
import { untilTaken } from '../support/api-client.ts';
import { eventually } from '../support/eventually.ts';
import { noted } from '../support/fake-llm.ts';
import { forgetWorkflow, isKnown } from '../support/forget-workflow.ts';
import { createProcesses, type SlackProcesses } from '../support/processes.ts';
import { encryptionConfig, temporalConfig } from '../support/services.ts';
import { talk } from '../support/slack-talk.ts';

jest.setTimeout(240_000);

const TIMES = 10;

let processes: SlackProcesses;
let ada: ReturnType<typeof talk>;
let temporal: ReturnType<typeof lazyClient>;
beforeAll(async () => {
  processes = await createProcesses({ slack: true });
  ada = talk(processes);
  temporal = lazyClient(temporalConfig(), encryptionConfig().keys);
});
beforeEach(() => processes.startBoth());
afterEach(() => processes.kill());
afterAll(async () => {
  await processes.close();
  await temporal.connection.close();
});

/** What is the same whenever it is asked for: a header tells the time. */
const message = async (...args: Parameters<SlackProcesses['postMessage']>) => {
  const { status, body } = await processes.postMessage(...args);
  return { status, body };
};
const manyTimes = <T extends { status: number }>(send: () => Promise<T>) =>
  Promise.all(Array.from({ length: TIMES }, () => untilTaken(send)));
/** Sends while the model says nothing, and kills both processes in the middle of the reply. */
const sendAndKill = async <T extends { status: number }>(text: string, send: () => Promise<T>) => {
  processes.llm.answerWith(() => () => undefined);
  const answers = await manyTimes(send);
  await eventually(async () => processes.llm.prompts.at(-1)?.at(-1)?.content === text);
  await processes.kill();
  processes.llm.answerWith(noted);
  await processes.startBoth();
  return answers;
};
const expectOneTurnOf = async (userId: string, workflows = 1) => {
  const memory = await eventually(async () => {
    const { body } = await processes.memoryOf(userId);
    return (body['memories'] as unknown[]).length > 0 && body;
  });
  expect(memory['window']).toHaveLength(2);
  expect(memory['memories']).toHaveLength(2);
  const { rows } = await processes.database.admin.query<{ state: string }>(
    'SELECT state FROM turns WHERE user_id = $1',
    [userId],
  );
  expect(rows).toEqual([{ state: 'done' }]);
  for (const type of ['HandleMessage', 'EmbedAndStore']) {
    const query = `WorkflowType = '${type}' AND UserId = '${userId}'`;
    // What is indexed lags behind a little.
    await eventually(async () => (await temporal.workflow.count(query)).count === workflows);
  }
};

test('one Idempotency-Key: one turn, one workflow, one reply', async () => {
  const headers = { 'idempotency-key': randomUUID() };
  const before = await sendAndKill('once', () => message('http', 'once', headers));
  const waiting = { ...headers, prefer: 'wait=60' };
  const after = await manyTimes(() => message('http', 'once', waiting));
  expect(after[0]).toMatchObject({ status: 200, body: { reply: { text: 'Noted: once' } } });
  expect(new Set(after.map((answer) => JSON.stringify(answer))).size).toBe(1);
  expect(new Set([...before, ...after].map(({ body }) => body['messageId'])).size).toBe(1);
  await expectOneTurnOf('http');

  await processes.kill();
  await processes.startBoth();
  const asked = processes.llm.prompts.length;
  expect(await manyTimes(() => message('http', 'once', waiting))).toEqual(after);
  expect(processes.llm.prompts).toHaveLength(asked);
  await expectOneTurnOf('http');
});

test('one event from Slack: one turn, one workflow, one reply', async () => {
  const said = await ada.mention('only once');
  await sendAndKill('only once', () => processes.send(said.event));
  const again = await manyTimes(() => processes.send(said.event));
  expect(new Set(again.map(({ status }) => status))).toEqual(new Set([200]));
  expect(await ada.answers(said, 1, 60_000)).toEqual(['Noted: only once']);
  expect(ada.posts(said)).toHaveLength(1);
  await expectOneTurnOf(`slack:${processes.slack.team}:${processes.slack.people.ada}`);
});

test('when the workflows are gone from Temporal: the first answer, and nothing is started anew', async () => {
  const headers = { 'idempotency-key': randomUUID(), prefer: 'wait=60' };
  const send = () => message('forgotten', 'long ago', headers);
  const first = (await untilTaken(send)).body;
  const said = await ada.mention('long ago');
  const event = { ...said.event, user: processes.slack.people.bob };
  await untilTaken(() => processes.send(event));
  expect(await ada.answers(said)).toEqual(['Noted: long ago']);

  const bob = `slack:${processes.slack.team}:${processes.slack.people.bob}`;
  const done = await eventually(async () => {
    const { rows } = await processes.database.admin.query<{ id: string }>(
      `SELECT message_id AS id FROM turns WHERE user_id IN ('forgotten', $1) AND state = 'done'`,
      [bob],
    );
    return rows.length === 2 && rows;
  });
  const { tenantId } = processes;
  const ids = done.flatMap(({ id }) => [
    handleMessageWorkflowId(tenantId, id),
    embedAndStoreWorkflowId(tenantId, id),
  ]);
  await Promise.all(ids.map((id) => forgetWorkflow(temporal, id)));

  const asked = processes.llm.prompts.length;
  const { messageId, workflowId, reply } = first;
  for (const { status, body } of await manyTimes(send)) {
    expect(status).toBe(200);
    expect(body).toMatchObject({ messageId, workflowId, reply });
  }
  const events = await manyTimes(() => processes.send(event));
  expect(new Set(events.map(({ status }) => status))).toEqual(new Set([200]));
  for (const id of ids) expect([id, await isKnown(temporal, id)]).toEqual([id, false]);
  expect(processes.llm.prompts).toHaveLength(asked);
  expect(ada.posts(said)).toHaveLength(1);
  await expectOneTurnOf('forgotten', 0);
  await expectOneTurnOf(bob, 0);
});
