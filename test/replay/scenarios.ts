/**
 * The turns whose histories are recorded: every way that a workflow can take. Their activities are scripted.
 */
import { heartbeat, sleep } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { Activities } from '../../src/activities/index.ts';
import type { Channel, InboundMessage } from '../../src/domain/conversation.ts';
import type { DeliveryState } from '../../src/domain/delivery.ts';
import type { ForgetUserInput } from '../../src/domain/erasure.ts';
import { FAILURE } from '../../src/domain/failures.ts';
import { embedAndStoreWorkflowId, handleMessageWorkflowId } from '../../src/domain/ids.ts';
import type { GatheredContext, HandleMessageInput, TurnAnswer } from '../../src/domain/turn.ts';
import { acceptedMessage } from '../support/accepted-message.ts';
import { ERASURES } from './erasure-scenarios.ts';

/** What a scenario can do with the system that plays it. */
export type Stage = {
  start(input: HandleMessageInput): Promise<unknown>;
  /** Starts a workflow of no turn. */
  run(type: string, workflowId: string, args: unknown[]): Promise<unknown>;
  erase(input: ForgetUserInput): Promise<unknown>;
  cancel(workflowId: string): Promise<unknown>;
  /** Resolves when a workflow has closed, however. */
  closed(workflowId: string): Promise<unknown>;
  /** Resolves once an activity has begun `times` times. */
  begun(activity: keyof Activities, times?: number): Promise<unknown>;
  /** A follower's signal, as its workflow would send it. */
  follow(workflowId: string, follower: string): Promise<unknown>;
  /** Starts the workers; every other scenario finds them at work. */
  startWorkers(): void;
};

export type Scenario = {
  activities?: Partial<Activities>;
  /** Workflow tasks that run at a time, where that is not the worker's own number. */
  slots?: number;
  /** Whether `play` begins without workers. */
  startsAlone?: boolean;
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
const NOTHING_GATHERED: GatheredContext = {
  window: [],
  recalled: [],
  embedding: null,
  missing: [],
  timingsMs: { window: 1, embed: 1, recall: 1 },
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

/** What a scenario can say of the turns of `inOneScope`. */
type ScopeOptions = {
  channel?: Channel;
  holdFollowersMs?: number;
  liveReplies?: boolean;
  /** How long the model takes for the first turn. */
  answerMs?: number;
  cancelFirst?: boolean;
  /** What the answers of the others say besides. */
  answer?: Partial<TurnAnswer>;
  activities?: Partial<Activities>;
};

/**
 * Turns of one scope, each sent while the model is at work on the first. `names` are the files by the place
 * of the turn, from 1.
 */
function inOneScope(names: Record<number, string>, options: ScopeOptions = {}): Scenario {
  const { channel = { name: 'http' }, holdFollowersMs = 30_000, answerMs = 1_500 } = options;
  const count = Math.max(2, ...Object.keys(names).map(Number));
  const turns: HandleMessageInput[] = [];
  const before = (seq: number): HandleMessageInput => {
    const turn = turns[seq - 2];
    if (!turn) throw new Error(`there is no turn before ${seq}`);
    return turn;
  };
  return {
    activities: {
      findTurnBefore: async ({ message }) => ({ state: 'running', workflowId: idOf(before(message.seq)) }),
      answerTurn: async ({ text }) => {
        if (text !== 'turn 1') return { ...ANSWER, ...options.answer };
        await workFor(answerMs);
        return ANSWER;
      },
      ...options.activities,
    },
    async play(stage) {
      for (let seq = 1; seq <= count; seq += 1) {
        const [first] = turns;
        const scope = first && { tenantId: first.message.tenantId, agentId: first.message.agentId };
        const input = acceptedMessage(
          { ...scope, text: `turn ${seq}`, channel, seq, turnsAhead: seq - 1, threadId: 'L1:1' },
          { holdFollowersMs },
        );
        const { liveReplies = false } = options;
        turns.push({ ...input, agent: { ...input.agent, liveReplies } });
        await stage.start(turns[seq - 1] ?? input);
        if (seq === 1) await stage.begun('answerTurn');
        else await stage.begun('findTurnBefore', seq - 1);
      }
      const [first] = turns;
      if (options.cancelFirst && first) await stage.cancel(idOf(first));
      await Promise.all(turns.map((turn) => stage.closed(idOf(turn))));
      return Object.fromEntries(
        turns.flatMap((turn, i) => {
          const name = names[i + 1];
          return name ? [[name, idOf(turn)]] : [];
        }),
      );
    },
  };
}

/** More turns than slots for workflow tasks. */
const BUSY_TURNS = 4;
const FEW_SLOTS = 2;

/**
 * A follower's signal and the model's answer come in one workflow task: other turns hold all the slots
 * meanwhile, since a turn that looks something up keeps its slot for as long as that takes.
 */
function signalAndAnswerInOneTask(name: string, fields: Partial<InboundMessage>): Scenario {
  let stage: Stage | undefined;
  let turn: HandleMessageInput;
  const busy = Array.from({ length: BUSY_TURNS }, () => acceptedMessage({ text: 'busy' }));
  return {
    slots: FEW_SLOTS,
    activities: {
      gatherContext: async ({ message }) => {
        if (message.text === 'busy') await new Promise((resolve) => setTimeout(resolve, 2_500));
        return NOTHING_GATHERED;
      },
      answerTurn: async ({ text, delivery }) => {
        if (text === 'busy') return ANSWER;
        // Once busy turns hold every slot.
        await stage?.begun('gatherContext', 1 + FEW_SLOTS);
        await stage?.follow(idOf(turn), idOf(busy[0] ?? turn));
        return { ...ANSWER, ...(delivery && { delivery: { ...SHOWN, delivered: true }, appended: true }) };
      },
    },
    async play(given) {
      stage = given;
      turn = acceptedMessage(fields);
      await stage.start(turn);
      await stage.begun('answerTurn');
      await Promise.all(busy.map((one) => given.start(one)));
      await Promise.all([turn, ...busy].map((one) => given.closed(idOf(one))));
      return { [name]: idOf(turn) };
    },
  };
}

/** Somebody follows a turn that has failed, while the ledger still has to learn of it. */
function followedTooLate(name: string): Scenario {
  return {
    activities: {
      answerTurn: () => rejected(),
      recordFailedTurn: () => new Promise((resolve) => setTimeout(resolve, 1_500)),
    },
    async play(stage) {
      const [turn, follower] = [acceptedMessage(), acceptedMessage()];
      await stage.start(turn);
      await stage.begun('recordFailedTurn');
      await stage.start(follower);
      await stage.follow(idOf(turn), idOf(follower));
      await stage.closed(idOf(turn));
      return { [name]: idOf(turn) };
    },
  };
}

/** Somebody cancels a turn before any worker has seen it. */
function cancelledBeforeItsFirstTask(name: string, fields: Partial<InboundMessage>): Scenario {
  return {
    startsAlone: true,
    async play(stage) {
      const turn = acceptedMessage(fields);
      await stage.start(turn);
      await stage.cancel(idOf(turn));
      stage.startWorkers();
      await stage.closed(idOf(turn));
      return { [name]: idOf(turn) };
    },
  };
}

/** The turn before is in the ledger, and not in Temporal yet. */
const startingTwice = (): Pick<Activities, 'findTurnBefore'> => {
  let looks = 0;
  return { findTurnBefore: async () => ({ state: (looks += 1) < 3 ? 'starting' : 'none' }) };
};

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

const waited = { seq: 2, turnsAhead: 1 };
const delivered: DeliveryState = { ...SHOWN, delivered: true };
/** Longer than a heartbeat is held back by the SDK, so that the activity hears of a cancellation. */
const UNTIL_CANCELLED_MS = 30_000;
const shown: Partial<Activities> = { showProgress: async () => SHOWN };
const notShown: Partial<Activities> = {
  showProgress: () => Promise.reject(ApplicationFailure.create({ nonRetryable: true })),
};
const slowlyShown: Partial<Activities> = {
  showProgress: async () => {
    await sleep(2_500);
    return SHOWN;
  },
};

export const SCENARIOS: readonly Scenario[] = [
  oneTurn('answered'),
  oneTurn('answered-without-memory', {}, { gatherContext: away, appendTurnToWindow: away }),
  oneTurn('model-refuses', {}, { answerTurn: () => rejected() }),
  oneTurn('order-unknown', waited, { findTurnBefore: away }),
  oneTurn('turn-before-appears-late', waited, startingTwice()),
  inOneScope({ 1: 'followed', 2: 'waited-and-followed', 3: 'waited' }),
  inOneScope(
    { 1: 'held-its-follower-too-long', 2: 'went-on-without-the-one-before' },
    { holdFollowersMs: 500, answerMs: 2_500 },
  ),
  inOneScope({ 1: 'answered-though-cancelled', 2: 'followed-one-that-was-cancelled' }, { cancelFirst: true }),
  inOneScope(
    { 1: 'cancelled-while-followed', 2: 'followed-one-that-failed' },
    { cancelFirst: true, answerMs: UNTIL_CANCELLED_MS },
  ),
  signalAndAnswerInOneTask('signal-and-answer-in-one-task', {}),
  followedTooLate('followed-after-it-failed'),
  cancelledBeforeItsFirstTask('cancelled-before-its-first-task', {}),
  oneTurn('pushed-early', pushed, early(delivered, { appended: true })),
  oneTurn('pushed-early-appended-later', pushed, early(delivered)),
  oneTurn('pushed-by-a-step-of-its-own', pushed, early(SHOWN)),
  oneTurn('pushed-after-a-rate-limit', pushed, early({ ...SHOWN, uncertain: true, retryAfterMs: 1_000 })),
  oneTurn('pushed-and-refused', pushed, {
    ...early(SHOWN),
    deliverReply: () =>
      Promise.reject(ApplicationFailure.create({ type: FAILURE.deliveryRefused, nonRetryable: true })),
  }),
  oneTurn('pushed-apology', pushed, { answerTurn: () => rejected([{ delivery: SHOWN }]) }),
  signalAndAnswerInOneTask('pushed-signal-and-answer-in-one-task', pushed),
  cancelledBeforeItsFirstTask('pushed-cancelled-before-its-first-task', pushed),
  inOneScope(
    { 2: 'pushed-after-a-wait-too-short-to-show' },
    { channel: PUSHED, answerMs: 50, answer: { delivery: delivered, appended: true } },
  ),
  inOneScope(
    { 2: 'pushed-after-a-wait-that-was-shown' },
    { channel: PUSHED, activities: shown, answer: { delivery: delivered, appended: true } },
  ),
  inOneScope({ 2: 'pushed-after-a-wait-that-was-not-shown' }, { channel: PUSHED, activities: notShown }),
  inOneScope(
    { 2: 'pushed-while-the-wait-is-still-being-shown' },
    { channel: PUSHED, activities: slowlyShown },
  ),
  inOneScope(
    { 2: 'pushed-growing-after-a-wait' },
    {
      channel: PUSHED,
      liveReplies: true,
      activities: slowlyShown,
      answer: { delivery: delivered, appended: true },
    },
  ),
  inOneScope(
    { 1: 'pushed-and-cancelled' },
    { channel: PUSHED, answerMs: UNTIL_CANCELLED_MS, cancelFirst: true },
  ),
  oneChild('stored'),
  oneChild('stored-at-the-second-try', firstFails()),
  oneChild('stored-with-the-append-that-was-owed', { appendTurnToWindow: away }),
  ...ERASURES,
];
