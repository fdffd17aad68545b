import { ActivityFailure, TemporalFailure } from '@temporalio/common';
import { ApplicationFailure, CancellationScope, workflowInfo } from '@temporalio/workflow';
import type { AnswerFailureDetails } from '../domain/delivery.ts';
import { FAILURE } from '../domain/failures.ts';
import { withoutPeople } from '../domain/hand-over.ts';
import { buildPrompt, promptRoom, withBudget } from '../domain/prompt.ts';
import { TURN_ANSWERED_WITHIN_MS } from '../domain/timing.ts';
import { turnFigures } from '../domain/turn-figures.ts';
import { turnResult } from '../domain/turn-result.ts';
import type {
  GatheredContext,
  HandleMessageInput,
  Missing,
  ToldMemory,
  TurnAnswer,
  TurnLimits,
  TurnResult,
} from '../domain/turn.ts';
import { shownReply } from '../domain/shown-reply.ts';
import { APOLOGY, NO_REPLY } from '../domain/words.ts';
import { answerTurn, gatherContext, gatherContextInTurn, recordFailedTurn } from './activities.ts';
import { openDelivery, type Delivery } from './delivery.ts';
import { rememberTurn } from './remember-turn.ts';
import { joinTurnOrder, type TurnBefore } from './turn-order.ts';

/**
 * The story of one message: wait for the turn before it, see what memory holds, ask the model, deliver the
 * reply, remember the turn, and leave the embedding to a child that outlives this workflow.
 */
export async function HandleMessage(input: HandleMessageInput): Promise<TurnResult> {
  const { message, seals } = input;
  const order = joinTurnOrder(input);
  const delivery = openDelivery(input);
  try {
    const waited = await order.waitForMyTurn();
    delivery.myTurn();

    const { told, answering } = await askModel(input, delivery, waited);
    const answer = await answering;
    const repliedAt = new Date().toISOString();
    const isDelivered = await delivery.deliver(shownReply(answer), answer.delivery, answer.seals);

    const missing: Missing[] = [
      ...(waited.unknown ? (['order'] as const) : []),
      ...told.missing,
      ...(isDelivered ? [] : (['delivery'] as const)),
    ];
    const { receivedAt } = message;
    const { waitedMs } = waited;
    const { appendOwed } = await rememberTurn({
      message,
      reply: answer.text,
      repliedAt,
      embedding: told.embedding,
      isAppended: answer.appended === true,
      figures: turnFigures({ receivedAt, repliedAt, waitedMs, told, answer, missing }),
      ...(seals && { seals: { ...seals, ...told.seals, ...answer.seals } }),
    });

    if (appendOwed) missing.push('append');
    return turnResult({ waited, told, answer, missing });
  } catch (error) {
    // Anything else is a bug of ours: it fails the workflow task, not the turn, and waits for the cure.
    if (!(error instanceof TemporalFailure)) throw error;
    await order.release();
    return await CancellationScope.nonCancellable(() => failTurn(input, delivery, error));
  } finally {
    await order.release();
  }
}

/** Longer than people type, in UTF-16 units: more than the model that embeds reads at a time. */
const LONG_TEXT = 2_000;

/**
 * Sees what memory holds, and asks the model with it. Of that the turn keeps what its receipt tells: while a
 * model is silent some thousand turns stand on one heap, and a prompt may be as long as a book.
 */
async function askModel(
  { message, agent, limits, seals }: HandleMessageInput,
  delivery: Delivery,
  { waitedFor }: TurnBefore,
): Promise<{ told: ToldMemory; answering: Promise<TurnAnswer> }> {
  const { text, userName, background } = message;
  const isPushed = message.channel.address !== undefined;
  const budgeted = withBudget(isPushed ? agent : withoutPeople(agent), limits);
  const gather = waitedFor || text.length > LONG_TEXT ? gatherContextInTurn : gatherContext;
  const { window, ...gathered } = await gather({
    message,
    recall: agent.recall,
    agentName: agent.name,
    roomTokens: promptRoom(budgeted, text, background),
    seals,
  }).catch(nothingGathered);
  const prompt = buildPrompt(budgeted, text, window, gathered.recalled, userName, background);
  const { droppedFromWindow = 0 } = gathered;
  const told = {
    ...gathered,
    windowSize: window.length + droppedFromWindow,
    droppedFromWindow: droppedFromWindow + prompt.droppedFromWindow,
  };

  assertStillDue(limits);
  const early = await delivery.early();
  const answering = answerTurn({
    text,
    agent,
    messages: takenOnce(prompt.messages),
    seals,
    ...(early && { delivery: early }),
  });
  return { told, answering };
}

/**
 * A list that lets its items go when it becomes JSON: the SDK keeps what an activity is called with for as
 * long as the activity may be cancelled, and needs it no more once the call is written down.
 */
function takenOnce<T>(items: T[]): T[] {
  return Object.assign([...items], {
    toJSON(this: T[]): T[] {
      return this.splice(0);
    },
  });
}

/**
 * Each step of a turn is bounded, and a turn that begins to answer in time ends before Temporal ends it
 * (domain/timing.ts). It begins late when there were no workers for hours.
 */
function assertStillDue({ answeredWithinMs = TURN_ANSWERED_WITHIN_MS }: TurnLimits): void {
  const ageMs = Date.now() - workflowInfo().startTime.getTime();
  // A workflow's clock is its history's, so a replay decides alike.
  if (ageMs <= answeredWithinMs) return;
  throw ApplicationFailure.nonRetryable('nobody was there to answer in time', FAILURE.turnOverdue);
}

/** Memory didn't answer in time: the reply goes out without it and says so. What is forged gets none. */
function nothingGathered(error: unknown): GatheredContext {
  if (isNotAccepted(error)) throw error;
  return {
    window: [],
    recalled: [],
    embedding: null,
    missing: ['window', 'recall', 'embedding'],
    timingsMs: { window: 0, embed: 0, recall: 0 },
  };
}

function isNotAccepted(error: unknown): boolean {
  return (
    error instanceof ActivityFailure &&
    error.cause instanceof ApplicationFailure &&
    error.cause.type === FAILURE.notAccepted
  );
}

/**
 * Tells the person in one line, marks the turn failed in the ledger, and ends as failed for operators to see.
 */
async function failTurn(
  { message, seals }: HandleMessageInput,
  delivery: Delivery,
  error: TemporalFailure,
): Promise<never> {
  const { delivery: state, reason } = detailsOf(error);
  const text = (reason && NO_REPLY[reason]) ?? APOLOGY;
  // An apology never takes the place of a reply that is known to stand already.
  await Promise.all([
    delivery.delivered() || delivery.deliver(text, state),
    // Whoever asks for the turn finds its end in Temporal and writes it down.
    recordFailedTurn({ tenantId: message.tenantId, messageId: message.messageId, seals }).catch(
      () => undefined,
    ),
  ]);
  throw ApplicationFailure.create({
    type: FAILURE.turnFailed,
    message: `no reply to ${message.messageId}`,
    nonRetryable: true,
    details: [{ reply: { text } }],
    cause: error,
  });
}

/** What the step that answers a turn left when it failed: how far it got in the channel, and why. */
function detailsOf({ cause }: TemporalFailure): Partial<AnswerFailureDetails> {
  if (!(cause instanceof ApplicationFailure)) return {};
  return (cause.details?.[0] as Partial<AnswerFailureDetails> | undefined) ?? {};
}
