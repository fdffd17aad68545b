/**
 * The turns whose histories are recorded: every way that a workflow can take. Their activities are scripted.
 */
import { heartbeat, sleep } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { Activities } from '../../src/activities/index.ts';
import type { Channel, InboundMessage } from '../../src/domain/conversation.ts';
import type { DeliveryState } from '../../src/domain/delivery.ts';
import { FAILURE } from '../../src/domain/failures.ts';
import { embedAndStoreWorkflowId, handleMessageWorkflowId } from '../../src/domain/ids.ts';
import type { HandleMessageInput, TurnAnswer } from '../../src/domain/turn.ts';
import { acceptedMessage } from '../support/accepted-message.ts';

/** What a scenario can do with the system that plays it. */
export type Stage = {
  start(input: HandleMessageInput): Promise<unknown>;
  cancel(workflowId: string): Promise<unknown>;
  /** Resolves when a workflow has closed, however. */
  closed(workflowId: string): Promise<unknown>;
  /** Resolves once an activity has begun. */
  begun(activity: keyof Activities): Promise<unknown>;
};

export type Scenario = {
  activities?: Partial<Activities>;
  /** Plays it and names the workflows to record, by the file that each goes into. */
  play(stage: Stage): Promise<Record<string, string>>;
};

const PUSHED: Channel = { name: 'pigeon', address: { loft: 'L1' } };
const PROGRESS = { kind: 'message', ts: '1.1' };
const SHOWN: DeliveryState = { progress: PROGRESS, delivered: false, uncertain: false };
const ANSWER: TurnAnswer = {
  text: 'Rex.',
  model: 'scripted',
  usage: { promptTokens: 90, completionTokens: 3 },
  timingsMs: { firstToken: 1, total: 2 },
};
const away = () => Promise.reject(new Error('away'));
const idOf = ({ message }: HandleMessageInput) =>
  handleMessageWorkflowId(message.tenantId, message.messageId);
const childOf = ({ message }: HandleMessageInput) =>
  embedAndStoreWorkflowId(message.tenantId, message.messageId);

/** One turn, recorded as `name`. */
function oneTurn(
  name: string,
  fields: Partial<InboundMessage> = {},
  activities: Partial<Activities> = {},
): Scenario {
  return {
    activities,
    async play(stage) {
      const input = acceptedMessage(fields);
      await stage.start(input);
      await stage.closed(idOf(input));
      return { [name]: idOf(input) };
    },
  };
}

/** One turn's child, recorded as `name`. */
function oneChild(name: string, activities: Partial<Activities> = {}): Scenario {
  return {
    activities,
    async play(stage) {
      const input = acceptedMessage();
      await stage.start(input);
      await stage.closed(idOf(input));
      await stage.closed(childOf(input));
      return { [name]: childOf(input) };
    },
  };
}

/** A turn and the next one of its scope, which arrives while the model is at work on the first. */
function twoTurns(
  names: { first?: string; second?: string },
  options: {
    channel?: Channel;
    holdFollowersMs?: number;
    answerMs?: number;
    cancelFirst?: boolean;
    /** What the second turn's answer says besides. */
    answer?: Partial<TurnAnswer>;
    activities?: Partial<Activities>;
  } = {},
): Scenario {
  const { channel = { name: 'http' }, holdFollowersMs = 30_000, answerMs = 1_500, cancelFirst } = options;
  let first: HandleMessageInput;
  return {
    activities: {
      findTurnBefore: async () => ({ state: 'running', workflowId: idOf(first) }),
      answerTurn: async ({ text }) => {
        if (text === 'second') return { ...ANSWER, ...options.answer };
        await workFor(answerMs);
        return ANSWER;
      },
      ...options.activities,
    },
    async play(stage) {
      const limits = { holdFollowersMs };
      first = acceptedMessage({ text: 'first', channel, seq: 1 }, limits);
      await stage.start(first);
      await stage.begun('answerTurn');
      const { tenantId, agentId } = first.message;
      const scope = { tenantId, agentId };
      const second = acceptedMessage({ ...scope, text: 'second', channel, seq: 2, turnsAhead: 1 }, limits);
      await stage.start(second);
      if (cancelFirst) {
        await stage.begun('findTurnBefore');
        await stage.cancel(idOf(first));
      }
      await Promise.all([stage.closed(idOf(first)), stage.closed(idOf(second))]);
      return {
        ...(names.first && { [names.first]: idOf(first) }),
        ...(names.second && { [names.second]: idOf(second) }),
      };
    },
  };
}

/** Works as a model does: with heartbeats, which also tell of a cancellation. */
async function workFor(ms: number): Promise<void> {
  const end = Date.now() + ms;
  while (Date.now() < end) {
    heartbeat();
    await sleep(200);
  }
}

const rejected = (details: unknown[] = []) =>
  Promise.reject(
    ApplicationFailure.create({ type: FAILURE.llmRejected, message: 'no', nonRetryable: true, details }),
  );
const early = (delivery: DeliveryState, more: Partial<TurnAnswer> = {}) => ({
  answerTurn: async () => ({ ...ANSWER, delivery, ...more }),
});
const pushed: Partial<InboundMessage> = { channel: PUSHED, threadId: 'L1:1' };
const firstFails = (): { storeTurn: Activities['storeTurn'] } => {
  let attempts = 0;
  return { storeTurn: () => ((attempts += 1) === 1 ? away() : Promise.resolve()) };
};

export const SCENARIOS: readonly Scenario[] = [
  oneTurn('answered'),
  oneTurn('answered-without-memory', {}, { gatherContext: away, appendTurnToWindow: away }),
  oneTurn('model-refuses', {}, { answerTurn: () => rejected() }),
  oneTurn('order-unknown', { seq: 2, turnsAhead: 1 }, { findTurnBefore: away }),
  twoTurns({ first: 'followed', second: 'waited' }),
  twoTurns(
    { first: 'held-its-follower-too-long', second: 'went-on-without-the-one-before' },
    { holdFollowersMs: 500, answerMs: 2_500 },
  ),
  twoTurns(
    { first: 'answered-though-cancelled', second: 'followed-one-that-was-cancelled' },
    { cancelFirst: true },
  ),
  oneTurn(
    'pushed-early',
    pushed,
    early({ progress: PROGRESS, delivered: true, uncertain: false }, { appended: true }),
  ),
  oneTurn(
    'pushed-early-appended-later',
    pushed,
    early({ progress: PROGRESS, delivered: true, uncertain: false }),
  ),
  oneTurn('pushed-by-a-step-of-its-own', pushed, early(SHOWN)),
  oneTurn('pushed-after-a-rate-limit', pushed, early({ ...SHOWN, uncertain: true, retryAfterMs: 1_000 })),
  oneTurn('pushed-and-refused', pushed, {
    ...early(SHOWN),
    deliverReply: () =>
      Promise.reject(ApplicationFailure.create({ type: FAILURE.deliveryRefused, nonRetryable: true })),
  }),
  oneTurn('pushed-apology', pushed, { answerTurn: () => rejected([{ delivery: SHOWN }]) }),
  twoTurns(
    { second: 'pushed-after-a-wait-that-was-shown' },
    {
      channel: PUSHED,
      activities: { showProgress: async () => SHOWN },
      answer: { delivery: { ...SHOWN, delivered: true }, appended: true },
    },
  ),
  twoTurns(
    { second: 'pushed-after-a-wait-that-was-not-shown' },
    {
      channel: PUSHED,
      activities: { showProgress: () => Promise.reject(ApplicationFailure.create({ nonRetryable: true })) },
    },
  ),
  twoTurns({ first: 'pushed-and-cancelled' }, { channel: PUSHED, answerMs: 5_000, cancelFirst: true }),
  oneChild('stored'),
  oneChild('stored-at-the-second-try', firstFails()),
  oneChild('stored-with-the-append-that-was-owed', { appendTurnToWindow: away }),
];
