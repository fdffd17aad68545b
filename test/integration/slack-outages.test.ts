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
});
