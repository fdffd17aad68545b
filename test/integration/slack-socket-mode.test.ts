/** Socket Mode: the same intake and the same promises, over connections that break and that are shared. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { listenBySocket } from '../../src/channels/slack/inbound/socket-mode.ts';
import { WHY } from '../../src/channels/slack/outbound/reply-buttons.ts';
import { eventually } from '../support/eventually.ts';
import { startProxy, type Proxy } from '../support/proxy.ts';
import { temporalConfig } from '../support/services.ts';
import { startSlackSocket, type SlackSocket } from '../support/slack-socket.ts';
import { talk } from '../support/slack-talk.ts';
import { startSystem, type SlackSystem } from '../support/system.ts';

let system: SlackSystem;
let socket: SlackSocket;
let temporal: Proxy;
let ada: ReturnType<typeof talk>;
const connected = (count: number) =>
  eventually(() => socket.connections() === count, { what: `${count} connections` });

beforeAll(async () => {
  temporal = await startProxy(temporalConfig().address);
  const env = { SLACK_APP_TOKEN: 'xapp-of-the-tests', SLACK_SIGNING_SECRET: '' };
  system = await startSystem({ slack: true, env, api: { temporal } });
  socket = await startSlackSocket(system.slack.team);
  system.slack.connectTo(socket.url);
  ada = talk(system);
  await connected(1);
});
afterAll(async () => {
  await system.stop();
  await Promise.all([socket.close(), temporal.close()]);
});

test('a mention is acknowledged, and answered once', async () => {
  const said = await ada.mention('by a socket');
  expect(await socket.deliver(said.event)).toBe(1);
  expect(await ada.answers(said)).toEqual(['Noted: by a socket']);
});

test('a click comes over the connection too', async () => {
  const said = await ada.mention('why do you say so?');
  await socket.deliver(said.event);
  await ada.answers(said);
  const { rows } = await system.database.admin.query<{ message_id: string }>(
    'SELECT message_id FROM turns ORDER BY received_at DESC LIMIT 1',
  );
  const user = { id: system.slack.people.ada, team_id: system.slack.team };
  const isAcknowledged = await socket.click({
    type: 'block_actions',
    user,
    team: { id: system.slack.team },
    channel: { id: said.channel },
    message: { ts: said.ts, thread_ts: said.thread },
    actions: [{ type: 'button', action_id: WHY, value: rows[0]?.message_id }],
  });
  expect(isAcknowledged).toBe(true);
  const [told] = system.slack.callsOf('chat.postEphemeral');
  expect(told?.body).toMatchObject({
    user: user.id,
    text: expect.stringContaining('recalled nothing older'),
  });
});

test('what can’t be read is left out, and the API goes on', async () => {
  const unheard: unknown[] = [];
  const hear = (error: unknown) => void unheard.push(error);
  process.on('unhandledRejection', hear);
  const limited = {
    type: 'app_rate_limited',
    team_id: system.slack.team,
    minute_rate_limited: 1_518_467_820,
  };
  for (const payload of [limited, undefined, null])
    socket.say(JSON.stringify({ type: 'events_api', envelope_id: 'E1', payload }));
  for (const text of ['null', '{', '[]', '{"type":"interactive"}']) socket.say(text);
  const said = await ada.mention('still there?');
  await socket.deliver(said.event);
  expect(await ada.answers(said)).toEqual(['Noted: still there?']);
  process.off('unhandledRejection', hear);
  expect(unheard).toEqual([]);
});

test('a connection that is not greeted in time is given up before the next is opened', async () => {
  const log = pino({ level: 'silent' });
  socket.greet(false);
  const listening = listenBySocket(
    { appToken: 'xapp-of-the-tests', apiUrl: system.slack.apiUrl, log, connectedWithinMs: 700 },
    () => Promise.resolve({ kind: 'answered', body: undefined }),
    () => Promise.resolve({ kind: 'taken', body: undefined }),
  );
  try {
    await eventually(() => system.slack.callsOf('apps.connections.open').length >= 3);
    socket.greet(true);
    await eventually(() => socket.greeted() === 2);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(socket.connections()).toBe(2);
  } finally {
    await listening.close();
  }
  await connected(1);
}, 30_000);

test('without a signing secret nothing comes over HTTP', async () => {
  const answer = await fetch(`${system.baseUrl}/slack/events`, { method: 'POST', body: '{}' });
  expect(answer.status).toBe(404);
});

test('what is nothing for the agent is acknowledged and counted', async () => {
  expect(await socket.deliver((await ada.message('people among themselves')).event)).toBe(1);
  expect(await ada.outcomes('not_addressed')).toBe(1);
});

test('acknowledged only when the start was accepted: Temporal away, it comes again, and is answered once', async () => {
  const said = await ada.mention('knock knock');
  temporal.cut();
  const delivered = socket.deliver(said.event);
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  temporal.restore();
  expect(await delivered).toBeGreaterThan(1);
  expect(await ada.answers(said)).toEqual(['Noted: knock knock']);
  expect(ada.posts(said)).toHaveLength(1);
}, 30_000);

describe('a connection that ends', () => {
  test.each([
    ['because Slack renews it', () => socket.renew()],
    ['because the network breaks', () => socket.breakOff()],
  ])(
    '%s: another is opened, and each event is answered once',
    async (_why, end) => {
      const texts = Array.from({ length: 10 }, (_, i) => `before and after ${i}`);
      const all = await Promise.all(
        texts.map(async (text, i) => {
          await new Promise((resolve) => setTimeout(resolve, 20 * i));
          if (i === 5) end();
          const said = await ada.mention(text);
          await socket.deliver({ ...said.event, user: `U${i}` });
          return said;
        }),
      );
      for (const [i, said] of all.entries()) {
        expect(await ada.answers(said)).toEqual([`Noted: before and after ${i}`]);
        expect(ada.posts(said)).toHaveLength(1);
      }
      await connected(1);
    },
    60_000,
  );
});

test('Slack refuses connections for a while: the API lives, and connects when they are back', async () => {
  const refusals = Array.from({ length: 3 }, () => ({ kind: 'status', status: 503 }) as const);
  system.slack.fail('apps.connections.open', ...refusals);
  socket.breakOff();
  await eventually(() => system.slack.callsOf('apps.connections.open').length >= 3);
  expect((await fetch(`${system.baseUrl}/healthz`)).status).toBe(200);
  await connected(1);
  const said = await ada.mention('back again');
  await socket.deliver(said.event);
  expect(await ada.answers(said)).toEqual(['Noted: back again']);
}, 30_000);

test('two processes share the load, and an event that comes to both is answered once', async () => {
  const second = await system.anotherApi();
  await connected(2);
  const said = await ada.mention('to both of you');
  await Promise.all([socket.deliver(said.event), socket.deliver(said.event)]);
  expect(await ada.answers(said)).toEqual(['Noted: to both of you']);
  expect(ada.posts(said)).toHaveLength(1);
  // One ends in the middle of it all; what it had not acknowledged, the other gets.
  const last = await ada.mention('one of you is leaving');
  const closing = second.close();
  await socket.deliver(last.event);
  await closing;
  expect(await ada.answers(last)).toEqual(['Noted: one of you is leaving']);
  expect(ada.posts(last)).toHaveLength(1);
  await connected(1);
});
