/** A reply that people may have read stays, also where its turn is stopped, or handed over, meanwhile. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ActivityCancellationDetails } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { createAnswerTurn } from '../../src/activities/answer-turn.ts';
import { createDeliverReply } from '../../src/activities/deliver-reply.ts';
import { slackAddressOf } from '../../src/channels/slack/address.ts';
import { markStopped } from '../../src/channels/slack/threads.ts';
import { SYSTEM } from '../../src/db/audit.ts';
import type { OpenedBy } from '../../src/db/escalations.ts';
import type { DeliveryState, DeliveryTurn } from '../../src/domain/delivery.ts';
import type { TurnAnswer } from '../../src/domain/turn.ts';
import { HANDED_OVER, HANDED_OVER_LINE, NO_REPLY, PLACEHOLDER } from '../../src/domain/words.ts';
import { escalate } from '../../src/intake/escalations.ts';
import { acceptedMessage } from '../support/accepted-message.ts';
import { startSlackDelivery, type SlackDelivery } from '../support/slack-delivery.ts';
import type { SlackStandIn } from '../support/slack-stand-in.ts';

let thread: SlackDelivery;
let slack: SlackStandIn;
beforeAll(async () => {
  thread = await startSlackDelivery();
  ({ slack } = thread);
});
afterAll(() => thread.stop());

/** Shows that it is at work. */
async function begin(turn: DeliveryTurn): Promise<DeliveryState> {
  const { showProgress } = createDeliverReply({ channels: thread.channels() });
  const environment = new MockActivityEnvironment({ attempt: 1 });
  const state: DeliveryState = await environment.run(showProgress, { turn, grows: false });
  return state;
}
/** An attempt to deliver; Slack carries it out or not, and its answer is lost. */
async function deliverUnheard(turn: DeliveryTurn, text: string, isCarriedOut = true): Promise<DeliveryState> {
  const state = await begin(turn);
  slack.fail(
    'chat.update',
    isCarriedOut ? { kind: 'drop-after-acceptance' } : { kind: 'status', status: 500 },
  );
  await expect(thread.deliver(turn, state, text)).rejects.toMatchObject({ type: 'DeliveryUnavailable' });
  return state;
}
const takeOver = ({ tenantId, threadId }: DeliveryTurn, by: OpenedBy) =>
  escalate(
    { pool: thread.database.pool, redis: thread.redis },
    { tenantId, threadId, agentId: undefined, by, actor: SYSTEM },
  );
const stop = (turn: DeliveryTurn) =>
  markStopped(thread.redis, turn, String(Number(slackAddressOf(turn.channel).eventTs) + 1));
async function answer(turn: DeliveryTurn, state: DeliveryState, text: string): Promise<TurnAnswer> {
  const { answerTurn } = createAnswerTurn({
    redis: thread.redis,
    windowBytes: 200_000_000,
    channels: thread.channels(),
    runAgent: async () => ({ text, model: 'scripted', usage: null, firstTokenMs: 1, totalMs: 1 }),
  });
  const input = { text: 'What is my dog called?', agent: acceptedMessage().agent, messages: [] };
  const environment = new MockActivityEnvironment({ attempt: 2 });
  return environment.run(answerTurn, { ...input, delivery: { turn, state } });
}

test('a person takes over after a reply of which we have not heard: it stays', async () => {
  const turn = await thread.question();
  const state = await deliverUnheard(turn, 'Rex.');
  await takeOver(turn, 'person');
  await thread.deliver(turn, state, 'Rex.', 2);
  expect(await thread.texts(turn)).toEqual(['Rex.']);
});

test('the same, where the step that asks the model comes again', async () => {
  const turn = await thread.question();
  const state = await deliverUnheard(turn, 'Rex.');
  await takeOver(turn, 'person');
  expect(await answer(turn, { ...state, uncertain: true }, 'Fido.')).toMatchObject({ text: HANDED_OVER });
  expect(await thread.texts(turn)).toEqual(['Rex.', HANDED_OVER_LINE]);
});

test('a person takes over after an attempt that Slack has not carried out: what waits goes', async () => {
  const turn = await thread.question();
  const state = await deliverUnheard(turn, 'Rex.', false);
  expect(await thread.texts(turn)).toEqual([PLACEHOLDER]);
  await takeOver(turn, 'person');
  await expect(thread.deliver(turn, state, 'Rex.', 2)).rejects.toMatchObject({ type: 'DeliveryRefused' });
  expect(await thread.texts(turn)).toEqual([]);
});

test.each([
  { what: 'stands', isCarriedOut: true, seen: 'Rex.' },
  { what: 'does not stand', isCarriedOut: false, seen: NO_REPLY.stopped },
])('somebody stops a turn whose reply $what: what they read stays', async ({ isCarriedOut, seen }) => {
  const turn = await thread.question();
  const state = await deliverUnheard(turn, 'Rex.', isCarriedOut);
  await stop(turn);
  await thread.deliver(turn, state, 'Rex.', 2);
  expect(await thread.texts(turn)).toEqual([seen]);
  const looks = slack.callsOf('conversations.replies').length;
  await thread.deliver(turn, state, NO_REPLY.stopped, 3);
  expect(await thread.texts(turn)).toEqual([seen]);
  expect(slack.callsOf('conversations.replies')).toHaveLength(looks + 1);
});

test('"stopped" was written and not heard of: no late reply takes its place', async () => {
  const turn = await thread.question();
  await stop(turn);
  const state = await deliverUnheard(turn, 'Rex.');
  expect(await thread.texts(turn)).toEqual([NO_REPLY.stopped]);
  await thread.deliver(turn, state, 'Rex.', 2);
  expect(await thread.texts(turn)).toEqual([NO_REPLY.stopped]);
});

describe('a reply of several messages is cut off after the first', () => {
  const LONG = Array.from({ length: 4 }, (_, i) => `${i} ${'word '.repeat(2_000)}`).join('\n\n');
  /** Delivers it, and lets the attempt be cancelled once Slack has the first message. */
  async function cutOff(why: 'CANCELLED' | 'NOT_FOUND') {
    const turn = await thread.question();
    const state = await begin(turn);
    const environment = new MockActivityEnvironment({ attempt: 1 });
    const details = new ActivityCancellationDetails({
      cancelRequested: why === 'CANCELLED',
      notFound: why === 'NOT_FOUND',
    });
    const update = slack.callsOf('chat.update').length;
    const watching = setInterval(() => {
      if (slack.callsOf('chat.update').length > update) environment.cancel(why, details);
    }, 1);
    slack.fail('chat.update', { kind: 'slow', ms: 100 });
    const { deliverReply } = createDeliverReply({ channels: thread.channels() });
    const delivering = environment.run(deliverReply, { turn, state, text: LONG });
    await delivering.catch(() => undefined).finally(() => clearInterval(watching));
    return { turn, delivering, state };
  }

  test('by Temporal, which gives it to another: that one brings the rest', async () => {
    const { turn, delivering, state } = await cutOff('NOT_FOUND');
    await expect(delivering).rejects.toMatchObject({ type: 'DeliveryUnavailable' });
    expect(await thread.texts(turn)).toHaveLength(1);
    await thread.deliver(turn, state, LONG, 2);
    expect((await thread.texts(turn)).length).toBeGreaterThan(1);
  });

  test('by somebody who cancels it: what has begun is ended', async () => {
    const { turn, delivering } = await cutOff('CANCELLED');
    await delivering;
    expect((await thread.texts(turn)).length).toBeGreaterThan(1);
  });
});
