/** Slack repeats itself: an event of what is forgotten leaves nothing behind. */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import { keysOf } from '../support/every-store.ts';
import { talk } from '../support/slack-talk.ts';
import { startSystem, type SlackSystem } from '../support/system.ts';

jest.setTimeout(120_000);

let deployment: SlackSystem;
let ada: ReturnType<typeof talk>;
beforeAll(async () => {
  deployment = await startSystem({ slack: true });
  ada = talk(deployment);
});
afterAll(() => deployment.stop());

const marks = async () =>
  (await keysOf(deployment, deployment.tenantId)).filter((key) =>
    /:(threads_alone|engaged|session):/.test(key),
  );

test('a repeated delivery of a forgotten message writes no mark of its thread', async () => {
  const { slack, agent } = deployment;
  const direct = await ada.direct('between you and me');
  const mention = await ada.mention('and in the channel');
  for (const said of [direct, mention]) {
    await deployment.send(said.event);
    await ada.answers(said);
  }
  await eventually(async () => (await marks()).length === 2);

  const userId = encodeURIComponent(`slack:${slack.team}:${slack.people.ada}`);
  await deployment.request('DELETE', `/v1/agents/${agent.id}/users/${userId}/memory`);
  const states = async () => {
    const { rows } = await deployment.database.admin.query<{ state: string }>(
      `SELECT DISTINCT state FROM turns WHERE kind = 'message'`,
    );
    return rows.map(({ state }) => state).join();
  };
  await eventually(async () => (await states()) === 'erased');
  // Marks of threads with others stay; the one in the channel is among them.
  await eventually(async () => (await marks()).every((key) => key.includes(mention.channel)));
  await deployment.redis.del(...(await marks()).map((key) => key.split(' ')[0] ?? ''));

  for (const said of [direct, mention]) expect((await deployment.send(said.event)).status).toBe(200);
  // The next message is taken after them: what they write is written by then.
  const later = await ada.direct('hello again');
  await deployment.send(later.event);
  await ada.answers(later);
  await eventually(async () => (await marks()).some((key) => key.includes(later.ts)));
  for (const said of [direct, mention])
    expect((await marks()).filter((key) => key.includes(said.ts))).toEqual([]);
});
