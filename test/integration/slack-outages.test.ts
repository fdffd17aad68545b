import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import { startProxy, type Proxy } from '../support/proxy.ts';
import { redisUrl, temporalConfig } from '../support/services.ts';
import { talk } from '../support/slack-talk.ts';
import { startSystem, type SlackSystem } from '../support/system.ts';

let temporal: Proxy;
let redis: Proxy;
let deployment: SlackSystem;
let ada: ReturnType<typeof talk>;
beforeAll(async () => {
  temporal = await startProxy(temporalConfig().address);
  redis = await startProxy(redisUrl());
  const between = { temporal, redis };
  deployment = await startSystem({ slack: true, api: between, worker: between });
  ada = talk(deployment);
});
afterAll(async () => {
  await deployment.stop();
  await Promise.all([temporal.close(), redis.close()]);
});

describe('Temporal or Postgres down at the API: 503 with Retry-After; nothing half-done', () => {
  test('Slack, Temporal down: refused while it is, and the retry of the same event is answered once', async () => {
    const before = await ada.turns();
    const said = await ada.mention('knock knock');
    temporal.cut();
    const refused = await deployment.send(said.event, { once: true });
    expect(refused.status).toBe(503);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    temporal.restore();
    await eventually(
      async () => {
        const headers = { 'x-slack-retry-num': '1', 'x-slack-retry-reason': 'http_error' };
        return (await deployment.send(said.event, { headers })).status === 200;
      },
      { what: 'a 200' },
    );
    expect(await ada.answers(said)).toEqual(['Noted: knock knock']);
    expect(ada.posts(said)).toHaveLength(1);
    expect(await ada.turns()).toBe(before + 1);
  });
});

describe('Redis is away', () => {
  test('a mention is answered, and a thread is known by what the agent has said in it', async () => {
    redis.cut();
    const said = await ada.mention('no window today');
    expect((await deployment.send(said.event)).status).toBe(200);
    expect(await ada.answers(said)).toEqual(['Noted: no window today']);
    const followUp = await ada.message('still there?', said.thread);
    expect((await deployment.send(followUp.event)).status).toBe(200);
    expect(await ada.answers(said, 2)).toEqual(['Noted: no window today', 'Noted: still there?']);
    const elsewhere = await ada.message('not for you', (await ada.message('people talking')).ts);
    expect((await deployment.send(elsewhere.event)).status).toBe(200);
    expect(await ada.outcomes('not_engaged')).toBe(1);
    redis.restore();
  });

  test('Slack lets us look once a minute: what this process knows of threads is enough', async () => {
    const said = await ada.mention('known before');
    expect((await deployment.send(said.event)).status).toBe(200);
    expect(await ada.answers(said)).toEqual(['Noted: known before']);
    redis.cut();
    deployment.slack.limitLooks({ everyMs: 60_000 });
    const chatter = await ada.message('not for you either', (await ada.message('people talk on')).ts);
    const outcomes = await ada.outcomes('not_engaged');
    for (let i = 0; i < 3; i += 1) {
      expect(
        (await deployment.send({ ...chatter.event, ts: `${chatter.ts}${i}` }, { once: true })).status,
      ).toBe(200);
    }
    expect(await ada.outcomes('not_engaged')).toBe(outcomes + 3);
    for (const text of ['one', 'two']) {
      const followUp = await ada.message(text, said.thread);
      expect((await deployment.send(followUp.event, { once: true })).status).toBe(200);
    }
    expect(await ada.answers(said, 3)).toEqual(['Noted: known before', 'Noted: one', 'Noted: two']);
    deployment.slack.heal();
    redis.restore();
  });
});

test('an event that is longer than any that can be taken is left out, and counted', async () => {
  const said = await ada.mention('x');
  const event = { ...said.event, text: 'x'.repeat(2_000_000) };
  expect((await deployment.send(event, { once: true })).status).toBe(200);
  expect(await ada.outcomes('too_large')).toBe(1);
  const after = await ada.mention('and this one is not');
  expect((await deployment.send(after.event)).status).toBe(200);
  expect(await ada.answers(after)).toEqual(['Noted: and this one is not']);
});
