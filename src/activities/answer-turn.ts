import { ApplicationFailure, cancellationSignal, heartbeat } from '@temporalio/activity';
import type { Agent } from '../domain/agent.ts';
import { MAX_REPLY_BYTES, withinBytes } from '../domain/bounds.ts';
import type { PromptMessage } from '../domain/conversation.ts';
import type { AnswerFailureDetails, DeliveryState, DeliveryTurn } from '../domain/delivery.ts';
import { FAILURE } from '../domain/failures.ts';
import { ANSWER_HEARTBEAT_MS } from '../domain/timing.ts';
import type { TurnAnswer } from '../domain/turn.ts';
import { LlmRejectedError, LlmUnavailableError } from '../llm/client.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { beginEarlyDelivery, type EarlyDelivery } from './early-delivery.ts';

export function createAnswerTurn(
  dependencies: Pick<ActivityDependencies, 'runAgent' | 'channels' | 'redis'>,
) {
  const { runAgent, channels, redis } = dependencies;
  return {
    /**
     * Asks the agent's model. Fails as `LlmRejected` (non-retryable), `LlmUnavailable` (retried, after as
     * long as the server's Retry-After says) or `LlmEmptyReply` (retried). With a `delivery` it also shows in
     * the turn's channel that the agent is at work, and delivers the reply early where it may. Trouble there
     * never fails this step: the answer, or the failure's details, say how far it got.
     */
    async answerTurn(input: {
      text: string;
      agent: Agent;
      messages: PromptMessage[];
      delivery?: { turn: DeliveryTurn; state?: DeliveryState };
    }): Promise<TurnAnswer> {
      const { text, agent, messages, delivery } = input;
      const early =
        delivery &&
        beginEarlyDelivery({
          channels,
          redis,
          turn: delivery.turn,
          state: delivery.state,
          grows: agent.liveReplies,
        });
      const beat = setInterval(() => heartbeat(early?.progress() ?? undefined), ANSWER_HEARTBEAT_MS);
      try {
        const answered = await runAgent(text, agent, messages, {
          signal: cancellationSignal(),
          ...(early?.growing && { onProgress: early.growing.show }),
        });
        const completion = { ...answered, text: withinBytes(answered.text, MAX_REPLY_BYTES) };
        if (completion.text.trim() === '') throw new EmptyReplyError('the LLM answered nothing');
        await early?.growing?.stop();
        const repliedAt = performance.now();
        const state = await early?.deliver(completion.text);
        const deliveryMs = Math.round(performance.now() - repliedAt);
        const appended = state?.delivered && (await early?.append(text, completion.text));
        return {
          text: completion.text,
          model: completion.model,
          usage: completion.usage,
          timingsMs: {
            firstToken: Math.round(completion.firstTokenMs),
            total: Math.round(completion.totalMs),
            ...(state?.delivered && { delivery: deliveryMs }),
          },
          ...(state && { delivery: state }),
          ...(appended && { appended }),
        };
      } catch (error) {
        throw toFailure(error, await detailsOf(early));
      } finally {
        clearInterval(beat);
        await early?.growing?.stop();
      }
    },
  };
}

class EmptyReplyError extends Error {}

async function detailsOf(early: EarlyDelivery | undefined): Promise<[] | [AnswerFailureDetails]> {
  return early ? [{ delivery: await early.giveUp() }] : [];
}

function toFailure(error: unknown, details: [AnswerFailureDetails] | []): unknown {
  if (error instanceof LlmRejectedError) {
    return ApplicationFailure.create({
      type: FAILURE.llmRejected,
      message: error.message,
      nonRetryable: true,
      details,
    });
  }
  if (error instanceof EmptyReplyError) {
    return ApplicationFailure.create({ type: FAILURE.llmEmptyReply, message: error.message, details });
  }
  if (error instanceof LlmUnavailableError) {
    return ApplicationFailure.create({
      type: FAILURE.llmUnavailable,
      message: error.message,
      ...(error.retryAfterMs !== undefined && { nextRetryDelay: Math.max(1, error.retryAfterMs) }),
      details,
    });
  }
  return error;
}
