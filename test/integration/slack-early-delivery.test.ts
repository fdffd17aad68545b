/**
 * The real step that asks the model, between a real client and a Slack that makes trouble: what it leaves,
 * and what it says of it.
 */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { MockActivityEnvironment } from '@temporalio/testing';
import { pino } from 'pino';
import { createAnswerTurn } from '../../src/activities/answer-turn.ts';
import { createDeliverReply } from '../../src/activities/deliver-reply.ts';
import type { SlackProgress } from '../../src/channels/slack/address.ts';
import type { DeliveryState, DeliveryTurn } from '../../src/domain/delivery.ts';
import type { TurnAnswer } from '../../src/domain/turn.ts';
import { CUT_OFF, PLACEHOLDER } from '../../src/domain/words.ts';
import { LlmRejectedError } from '../../src/llm/client.ts';
import { appendTurn, getWindow } from '../../src/memory/window/window.ts';
import { createRedis, type RedisClient } from '../../src/redis/connection.ts';
import { redisUrl } from '../support/services.ts';
import { startSlackDelivery, type SlackDelivery } from '../support/slack-delivery.ts';
import type { SlackStandIn } from '../support/slack-stand-in.ts';
import { acceptedMessage } from '../support/accepted-message.ts';

let thread: SlackDelivery;
let slack: SlackStandIn;
let redis: RedisClient;
beforeAll(async () => {
  thread = await startSlackDelivery();
  ({ slack, redis } = thread);
});
afterAll(() => thread.stop());

const LONG = Array.from({ length: 900 }, (_, i) => `word${i}`).join(' ');

const windowOf = async (turn: DeliveryTurn) => (await getWindow(redis, turn)).map(({ content }) => content);

type Attempt = {
  attempt?: number;
  heartbeatDetails?: SlackProgress;
  cancelled?: boolean;
  ageMs?: number;
  window?: RedisClient;
  state?: DeliveryState;
  cutOff?: true;
};

/** One attempt of the step; `model` answers or throws. */
async function attempt(
  turn: DeliveryTurn,
  model: () => string | Promise<string>,
  {
    attempt = 1,
    heartbeatDetails,
    cancelled = false,
    ageMs = 0,
    window = redis,
    state,
    cutOff,
  }: Attempt = {},
): Promise<TurnAnswer> {
  const environment = new MockActivityEnvironment({
    attempt,
    currentAttemptScheduledTimestampMs: Date.now() - ageMs,
    ...(heartbeatDetails && { heartbeatDetails }),
  });
  const { answerTurn } = createAnswerTurn({
    redis: window,
    windowBytes: 200_000_000,
    channels: thread.channels(),
    runAgent: async () => {
      const text = await model();
      if (cancelled) environment.cancel();
      return { text, ...(cutOff && { cutOff }), model: 'scripted', usage: null, firstTokenMs: 1, totalMs: 1 };
    },
  });
  const { agent } = acceptedMessage();
  const delivery = { turn, ...(state && { state }) };
  return environment.run(answerTurn, { text: 'What is my dog called?', agent, messages: [], delivery });
}

const stateOf = ({ delivery }: TurnAnswer): DeliveryState => {
  if (!delivery) throw new Error('nothing was said of the delivery');
  return delivery;
};

test('all goes well: placeholder, then the reply in its place, by two calls', async () => {
  const turn = await thread.question();
  const reply = await attempt(turn, async () => {
    // The placeholder is there while the model is at work.
    while ((await thread.texts(turn)).length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(await thread.texts(turn)).toEqual([PLACEHOLDER]);
    return 'Rex.';
  });
  expect(stateOf(reply)).toMatchObject({ delivered: true, uncertain: false });
  expect(reply.timingsMs.delivery).toBeGreaterThanOrEqual(0);
  expect(await thread.texts(turn)).toEqual(['Rex.']);
  expect(reply.appended).toBe(true);
  expect(await windowOf(turn)).toEqual(['What is my dog called?', 'Rex.']);
});

test('a turn whose wait was shown before: the reply takes the place of just that', async () => {
  const turn = await thread.question();
  const { showProgress } = createDeliverReply({ channels: thread.channels() });
  const environment = new MockActivityEnvironment({ attempt: 1 });
  const state: DeliveryState = await environment.run(showProgress, { turn, grows: false });
  expect(state).toMatchObject({ progress: { kind: 'message' }, delivered: false, uncertain: false });
  const reply = await attempt(turn, () => 'Rex.', { state });
  expect(stateOf(reply)).toMatchObject({ delivered: true, progress: state.progress });
  expect(await thread.texts(turn)).toEqual(['Rex.']);
});

test('what a first attempt put into the window gives way to the words from the history', async () => {
  const turn = await thread.question();
  // Cut off before it could say that it was done.
  await attempt(turn, () => 'first words');
  const second = await attempt(turn, () => 'second words', { attempt: 2 });
  expect(second).not.toHaveProperty('appended');
  expect(await windowOf(turn)).toEqual(['What is my dog called?', 'first words']);
  const words = { seq: 3, messageId: turn.messageId, userText: 'What is my dog called?' };
  await appendTurn(redis, turn, { ...words, replyText: second.text });
  expect(await windowOf(turn)).toEqual(['What is my dog called?', 'second words']);
});

test('a run that begins again (a retried turn) does not take the window’s words for its own', async () => {
  const turn = await thread.question();
  await attempt(turn, () => 'words of the first run');
  const again = await attempt(turn, () => 'words of the second run');
  expect(await thread.texts(turn)).toContain('words of the second run');
  expect(again).not.toHaveProperty('appended');
});

test.each(['refuses', 'is silent'])(
  'a Redis that %s holds nobody up: the workflow is left to append',
  async (how) => {
    const turn = await thread.question();
    const window = createRedis(redisUrl(), pino({ level: 'silent' }));
    jest
      .spyOn(window, 'eval')
      .mockImplementation(() =>
        how === 'refuses' ? Promise.reject(new Error('READONLY')) : new Promise(() => undefined),
      );
    try {
      const reply = await attempt(turn, () => 'Rex.', { window });
      expect(stateOf(reply)).toMatchObject({ delivered: true });
      expect(reply).not.toHaveProperty('appended');
    } finally {
      window.disconnect();
    }
  },
);

test('a repeated attempt brings no words of its own: these come from the history, in the same message', async () => {
  const turn = await thread.question();
  const first = stateOf(await attempt(turn, () => 'first words'));
  const placeholder = (first.progress ?? undefined) as SlackProgress | undefined;
  // The first attempt was cut off before it could say that it was done.
  for (const known of [placeholder, undefined]) {
    const second = await attempt(turn, () => 'second words', {
      attempt: 2,
      ...(known && { heartbeatDetails: known }),
    });
    expect(stateOf(second)).toEqual({ progress: placeholder, delivered: false, uncertain: true });
    await thread.deliver(turn, stateOf(second), second.text);
    expect(await thread.texts(turn)).toEqual(['second words']);
  }
});

test('in an assistant thread, whose status leaves no message: still one reply', async () => {
  const turn = await thread.question('assistant');
  const first = stateOf(await attempt(turn, () => 'first words'));
  expect(first).toMatchObject({ progress: { kind: 'status' }, delivered: true });
  const second = await attempt(turn, () => 'second words', { attempt: 2 });
  await thread.deliver(turn, stateOf(second), second.text);
  expect(await thread.texts(turn)).toEqual(['second words']);
});

test.each(['channel', 'assistant'] as const)(
  'the answer to the reply is lost (%s): one reply',
  async (surface) => {
    const turn = await thread.question(surface);
    const method = surface === 'channel' ? 'chat.update' : 'chat.postMessage';
    slack.fail(method, { kind: 'drop-after-acceptance' });
    const reply = await attempt(turn, () => 'Rex.');
    expect(stateOf(reply)).toMatchObject({ delivered: false, uncertain: true });
    expect(await windowOf(turn)).toEqual([]);
    // A call that failed may still be under way: nobody is to look at once.
    expect(stateOf(reply).retryAfterMs).toBeGreaterThan(500);
    expect(reply.timingsMs).not.toHaveProperty('delivery');
    await thread.deliver(turn, stateOf(reply), reply.text);
    expect(await thread.texts(turn)).toEqual(['Rex.']);
  },
);

test('429 is passed on as Slack said it', async () => {
  const turn = await thread.question();
  slack.fail('chat.update', { kind: 'status', status: 429, headers: { 'retry-after': '7' } });
  const { retryAfterMs = 0 } = stateOf(await attempt(turn, () => 'Rex.'));
  expect(retryAfterMs).toBeGreaterThan(6_000);
  expect(retryAfterMs).toBeLessThanOrEqual(7_000);
});

test('a long reply, and one that comes when its turn was cancelled, are left alone', async () => {
  for (const [text, cancelled] of [
    [LONG, false],
    ['too late', true],
  ] as const) {
    const turn = await thread.question();
    const reply = await attempt(turn, () => text, { cancelled });
    expect(stateOf(reply)).toMatchObject({ delivered: false, uncertain: false });
    expect(await thread.texts(turn)).toEqual([PLACEHOLDER]);
  }
});

test('a model that takes longer than it is sure to be alone: the reply is left to the history', async () => {
  const turn = await thread.question();
  const now = Date.now.bind(Date);
  const spy = jest.spyOn(Date, 'now');
  try {
    const reply = await attempt(turn, () => {
      spy.mockImplementation(() => now() + 5_000);
      return 'late words';
    });
    expect(stateOf(reply)).toMatchObject({ delivered: false });
    expect(await windowOf(turn)).toEqual([]);
    expect(await thread.texts(turn)).toEqual([PLACEHOLDER]);
  } finally {
    spy.mockRestore();
  }
});

test('a worker that stood still before it began takes nothing for granted', async () => {
  const turn = await thread.question();
  // Meanwhile another attempt has answered.
  const other = stateOf(await attempt(turn, () => 'words of the other'));
  const stale = await attempt(turn, () => 'stale words', { ageMs: 20_000 });
  expect(stateOf(stale)).toEqual({ progress: other.progress, delivered: false, uncertain: true });
  expect(await thread.texts(turn)).toEqual(['words of the other']);
});

test('a model that fails says what stands in the thread, so that the apology takes its place', async () => {
  const turn = await thread.question();
  const failed = attempt(turn, () => Promise.reject(new LlmRejectedError('no')));
  await expect(failed).rejects.toMatchObject({
    type: 'LlmRejected',
    details: [{ delivery: { progress: { kind: 'message' }, delivered: false, uncertain: false } }],
  });
});

test('a reply that is cut off says so in the thread, not in the window', async () => {
  const turn = await thread.question();
  expect(await attempt(turn, () => 'Rex is', { cutOff: true })).toMatchObject({
    text: 'Rex is',
    cutOff: true,
  });
  expect((await thread.texts(turn)).join()).toContain(CUT_OFF);
  expect(await windowOf(turn)).toEqual(['What is my dog called?', 'Rex is']);
});

test('a model that answers nothing is asked again, and the next attempt is told what stands in the thread', async () => {
  const turn = await thread.question();
  await expect(attempt(turn, () => ' \n')).rejects.toMatchObject({
    type: 'LlmEmptyReply',
    nonRetryable: false,
    details: [{ delivery: { progress: { kind: 'message' }, delivered: false } }],
  });
  expect(await thread.texts(turn)).toEqual([PLACEHOLDER]);
});
