import { TemporalFailure, WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import {
  ApplicationFailure,
  CancellationScope,
  ParentClosePolicy,
  startChild,
  workflowInfo,
} from '@temporalio/workflow';
import type { InboundMessage } from '../domain/conversation.ts';
import { APOLOGY, FAILURE } from '../domain/failures.ts';
import { embedAndStoreWorkflowId } from '../domain/ids.ts';
import { buildPrompt, promptRoom } from '../domain/prompt.ts';
import type { HandedOver, ReplyFailureDetails } from '../domain/delivery.ts';
import type {
  EmbedAndStoreInput,
  GatheredContext,
  HandleMessageInput,
  Missing,
  TurnResult,
} from '../domain/turn.ts';
import { EMBEDDING_TASK_QUEUE } from '../domain/task-queues.ts';
import { appending, failing, gathering, replying } from './activities.ts';
import { openDelivery, type Delivery } from './delivery.ts';
import type { EmbedAndStore } from './embed-and-store.ts';
import { decideSteps } from './steps.ts';
import { joinTurnOrder } from './turn-order.ts';

/**
 * The story of one message: wait for the turn before it, see what memory holds, ask the model, deliver the
 * reply, remember the turn, and leave the embedding to a child that outlives this workflow.
 */
export async function HandleMessage({ message, agent, limits }: HandleMessageInput): Promise<TurnResult> {
  const steps = decideSteps();
  const order = joinTurnOrder(message, limits.holdFollowersMs, steps);
  const delivery = openDelivery(message, agent, steps);
  try {
    const turnBefore = await order.waitForMyTurn();
    delivery.myTurn();
    const missing: Missing[] = turnBefore.unknown ? ['order'] : [];

    const promptAgent = { ...agent, maxPromptTokens: agent.maxPromptTokens ?? limits.maxPromptTokens };
    const context = await gathering
      .gatherContext({
        message,
        recall: agent.recall,
        agentName: agent.name,
        roomTokens: promptRoom(promptAgent, message.text),
      })
      .catch(nothingGathered);
    missing.push(...context.missing);

    const { messages, droppedFromWindow } = buildPrompt(
      promptAgent,
      message.text,
      context.window,
      context.recalled,
      message.userName,
    );
    const reply = await replying.generateReply({
      text: message.text,
      agent,
      messages,
      ...(await delivery.forTheModel()),
    });
    const repliedAt = new Date().toISOString();
    if (!(await delivery.deliver(reply.text, reply.handedOver))) missing.push('delivery');

    const { appendOwed } = await rememberTurn({
      message,
      reply: reply.text,
      repliedAt,
      embedding: context.embedding,
      isAppended: reply.appended === true,
    });
    if (appendOwed) missing.push('append');

    return {
      reply: { text: reply.text },
      memory: {
        windowSize: context.window.length,
        recalled: context.recalled,
        ...(context.receipt && { receipt: context.receipt }),
        droppedFromWindow,
      },
      missing,
      ...(turnBefore.waitedFor && { waitedFor: turnBefore.waitedFor }),
      model: reply.model,
      usage: reply.usage,
      timingsMs: {
        waited: turnBefore.waitedMs,
        ...context.timingsMs,
        llm: reply.timingsMs.total,
        ...(reply.timingsMs.slack !== undefined && { slack: reply.timingsMs.slack }),
      },
    };
  } catch (error) {
    // Anything else is a bug of ours: it fails the workflow task, not the turn, and waits for the cure.
    if (!(error instanceof TemporalFailure)) throw error;
    await order.release();
    return await CancellationScope.nonCancellable(() => failTurn(message, delivery, error));
  } finally {
    await order.release();
  }
}

/** A turn that has been answered is remembered, also when it is cancelled by now. */
async function rememberTurn({
  isAppended,
  ...turn
}: Omit<EmbedAndStoreInput, 'appendOwed'> & { isAppended: boolean }): Promise<{ appendOwed: boolean }> {
  return CancellationScope.nonCancellable(async () => {
    const appendOwed = !isAppended && !(await append(turn));
    await startEmbedAndStore({ ...turn, appendOwed });
    return { appendOwed };
  });
}

/** False when the window doesn't take it in time. */
async function append({ message, reply }: { message: InboundMessage; reply: string }): Promise<boolean> {
  try {
    await appending.appendTurnToWindow({ message, reply });
    return true;
  } catch {
    return false;
  }
}

/** The child is durable once it has started, whatever becomes of us; one that runs already is the same one. */
async function startEmbedAndStore(input: EmbedAndStoreInput): Promise<void> {
  const { tenantId, messageId } = input.message;
  try {
    await startChild<typeof EmbedAndStore>('EmbedAndStore', {
      args: [input],
      workflowId: embedAndStoreWorkflowId(tenantId, messageId),
      taskQueue: EMBEDDING_TASK_QUEUE,
      parentClosePolicy: ParentClosePolicy.ABANDON,
      typedSearchAttributes: workflowInfo().typedSearchAttributes,
      staticSummary: `remember turn ${input.message.seq} of ${input.message.userId}`,
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}

/** Memory didn't answer in time: the reply goes out without it and says so. */
function nothingGathered(): GatheredContext {
  return {
    window: [],
    recalled: [],
    embedding: null,
    missing: ['window', 'recall', 'embedding'],
    timingsMs: { window: 0, embed: 0, recall: 0 },
  };
}

/** What the step that asks the model had shown in Slack before it failed. */
function handedOverBefore({ cause }: TemporalFailure): HandedOver | undefined {
  if (!(cause instanceof ApplicationFailure)) return undefined;
  const details = cause.details?.[0] as Partial<ReplyFailureDetails> | undefined;
  return details?.handedOver;
}

/** Tells the person in one line, marks the turn failed in the ledger, and ends as failed for operators to see. */
async function failTurn(message: InboundMessage, delivery: Delivery, error: TemporalFailure): Promise<never> {
  // An apology never takes the place of a reply that is known to stand already.
  await Promise.all([
    delivery.delivered() || delivery.deliver(APOLOGY, handedOverBefore(error)),
    failing.recordFailedTurn({ tenantId: message.tenantId, messageId: message.messageId }),
  ]);
  throw ApplicationFailure.create({
    type: FAILURE.turnFailed,
    message: `no reply to ${message.messageId}`,
    nonRetryable: true,
    details: [{ reply: { text: APOLOGY } }],
    cause: error,
  });
}
