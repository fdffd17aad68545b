import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Problem } from '../../src/api/problems.ts';
import { createSlackIntake } from '../../src/api/slack-intake.ts';
import { TOO_MANY_MESSAGES } from '../../src/domain/failures.ts';
import { createSlackClient } from '../../src/slack/client.ts';
import { singleWorkspace } from '../../src/slack/installations.ts';
import { createNameLookup } from '../../src/slack/names.ts';
import { BOT } from '../support/slack-stand-in.ts';
import { eventually, startSlackDeployment, type SlackDeployment } from '../support/slack-deployment.ts';
import { redisUrl, temporalConfig } from '../support/services.ts';
import { talk } from '../support/slack-talk.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

let temporal: TcpProxy;
let redis: TcpProxy;
let deployment: SlackDeployment;
let ada: ReturnType<typeof talk>;
beforeAll(async () => {
  temporal = await startTcpProxy(temporalConfig().address);
  const url = new URL(redisUrl());
  redis = await startTcpProxy(url.host);
  url.host = redis.address;
  deployment = await startSlackDeployment({ temporalAddress: temporal.address, redisUrl: url.href });
  ada = talk(deployment);
});
afterAll(async () => {
  await deployment.close();
  temporal.close();
  redis.close();
});

describe('Temporal is away', () => {
  test('503 with Retry-After within two seconds or so, and the retry of the same event is answered once', async () => {
    const before = await ada.turns();
    const said = await ada.mention('knock knock');
    temporal.cut();
    const started = Date.now();
    const refused = await deployment.send(said.event);
    expect(refused.status).toBe(503);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(Date.now() - started).toBeLessThan(2_900);
    temporal.restore();
    await eventually('a 200', async () => {
      const headers = { 'x-slack-retry-num': '1', 'x-slack-retry-reason': 'http_error' };
      return (await deployment.send(said.event, { headers })).status === 200;
    });
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

test('too many messages: one polite line, not one for each', async () => {
  const { slack, tenantId, agent } = deployment;
  const client = createSlackClient({ token: BOT.token, apiUrl: slack.apiUrl });
  const log = pino({ level: 'silent' });
  const take = createSlackIntake({
    redis: deployment.redis,
    log,
    accept: () => Promise.reject(new Problem(429, 'Too many messages', 'Wait a minute.')),
    slack: {
      signingSecret: 'unused',
      findInstallation: singleWorkspace({ client, tenantId, agentId: agent.id, log }),
      lookUpNames: createNameLookup(),
      allowedBots: new Set(),
    },
  });
  const said = [await ada.direct('one'), await ada.direct('two')];
  for (const { event } of said) {
    const outcome = await take({ teamId: slack.team, enterpriseId: undefined, event }, Date.now() + 2_000);
    expect(outcome).toBe('rate_limited');
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  const texts = (await Promise.all(said.map(({ channel, ts }) => slack.answers(channel, ts)))).flat();
  expect(texts.map(({ text }) => text)).toEqual([TOO_MANY_MESSAGES]);
});
