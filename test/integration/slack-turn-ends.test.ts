/** Turns of a channel that pushes: whatever a run has left there, a retried turn has one message. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { updateTenant } from '../../src/db/tenants.ts';
import { NO_REPLY } from '../../src/domain/words.ts';
import { eventually } from '../support/eventually.ts';
import { noted } from '../support/fake-llm.ts';
import { startProxy, type Proxy } from '../support/proxy.ts';
import { redisUrl } from '../support/services.ts';
import { talk, type Said } from '../support/slack-talk.ts';
import { startSystem, type SlackSystem } from '../support/system.ts';

let deployment: SlackSystem;
let ada: ReturnType<typeof talk>;
let workersRedis: Proxy;
beforeAll(async () => {
  workersRedis = await startProxy(redisUrl());
  deployment = await startSystem({ slack: true, worker: { redis: workersRedis } });
  await updateTenant(deployment.database.operator, deployment.tenantId, {
    rateLimits: { user: { burst: 5, perMinute: 1 } },
  });
  ada = talk(deployment);
});
afterAll(async () => {
  await deployment.stop();
  await workersRedis.close();
});

/** Sends it and finds its turn. */
async function turnOf(said: Said) {
  expect((await deployment.send(said.event)).status).toBe(200);
  const { rows } = await deployment.database.admin.query<{ messageId: string; workflowId: string }>(
    `SELECT message_id AS "messageId", workflow_id AS "workflowId" FROM turns
     ORDER BY received_at DESC, seq DESC LIMIT 1`,
  );
  if (!rows[0]) throw new Error('no turn');
  return { ...rows[0], handle: deployment.temporal.workflow.getHandle(rows[0].workflowId) };
}
const retry = async ({ messageId }: { messageId: string }) =>
  (await deployment.request('POST', `/v1/messages/${messageId}/retry`, undefined, { prefer: 'wait=60' }))
    .body;

test('a placeholder becomes the retried turn’s reply', async () => {
  deployment.llm.answerWith(() => (res) => {
    res.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
  });
  const said = await ada.mention('left with a placeholder');
  const turn = await turnOf(said);
  await eventually(async () => ada.posts(said).length === 1 && deployment.llm.prompts.length === 1);
  await turn.handle.terminate();
  deployment.llm.answerWith(noted);
  expect(await retry(turn)).toMatchObject({ state: 'done' });
  expect(await ada.answers(said)).toEqual(['Noted: left with a placeholder']);
  expect(ada.posts(said)).toHaveLength(1);
});

test('a reply that stood already is written over', async () => {
  // Redis holds up what comes between the reply and its being remembered.
  const said = await ada.direct('left with a reply');
  workersRedis.stall();
  const turn = await turnOf(said);
  await ada.answers(said);
  await turn.handle.terminate();
  workersRedis.restore();
  deployment.llm.answerWith(() => 'In other words.');
  expect(await retry(turn)).toMatchObject({ state: 'done' });
  expect(await ada.answers(said)).toEqual(['In other words.']);
  expect(ada.posts(said)).toHaveLength(1);
  deployment.llm.answerWith(noted);
});

test('one that has failed and can’t tell the person yet: a retry waits for its end', async () => {
  deployment.llm.answerWith(() => (res) => void res.writeHead(401).end());
  const isApology = ({ text }: Record<string, string>) => text === NO_REPLY.badKey;
  const away = { kind: 'status', status: 503, when: isApology } as const;
  deployment.slack.fail('chat.update', away, away);
  const said = await ada.mention('failed, and nobody hears');
  const turn = await turnOf({ ...said, event: { ...said.event, user: 'UCARL' } });
  const inLedger = () => deployment.request('GET', '/v1/turns?state=failed');
  await eventually(async () => JSON.stringify((await inLedger()).body).includes(turn.messageId));
  expect(await retry(turn)).toMatchObject({ status: 409, title: 'Still ending' });
  deployment.slack.heal();
  await expect(turn.handle.result()).rejects.toThrow();
  deployment.llm.answerWith(noted);
  expect(await retry(turn)).toMatchObject({ state: 'done' });
  expect(await ada.answers(said)).toEqual(['Noted: failed, and nobody hears']);
});

test('64 deliveries of one event count once', async () => {
  const asBob = async (text: string) => {
    const said = await ada.direct(text);
    return { ...said.event, user: deployment.slack.people.bob };
  };
  const often = await asBob('delivered often');
  for (let i = 0; i < 64; i += 1) expect((await deployment.send(often)).status).toBe(200);
  for (const text of ['two', 'three', 'four', 'five'])
    expect((await deployment.send(await asBob(text))).status).toBe(200);
  expect(await ada.outcomes('rate_limited')).toBe(0);
  await deployment.send(await asBob('six'));
  expect(await ada.outcomes('rate_limited')).toBe(1);
});
