import { ApplicationFailure, cancellationSignal, heartbeat } from '@temporalio/activity';
import type { Agent } from '../domain/agent.ts';
import type { PromptMessage } from '../domain/conversation.ts';
import { FAILURE } from '../domain/failures.ts';
import type { HandoverTurn, LivePlace, ReplyFailureDetails } from '../domain/delivery.ts';
import type { GeneratedReply } from '../domain/turn.ts';
import { LlmRejectedError, LlmUnavailableError } from '../llm/client.ts';
import { createLiveReply, type LiveReply } from '../channels/slack/outbound/live-reply.ts';
import { updatePart } from '../channels/slack/outbound/thread-posts.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { beginHandover, type Handover } from './early-delivery.ts';

/** Often enough for a heartbeat time-out of 15 s, also while a model loads and says nothing. */
const HEARTBEAT_MS = 4_000;

export function createGenerateReply(
  dependencies: Pick<ActivityDependencies, 'runAgent' | 'slack' | 'redis'>,
) {
  const { runAgent, slack, redis } = dependencies;
  return {
    /**
     * Asks the agent's model. Fails as `LlmRejected` (non-retryable), `LlmUnavailable` (retried, after as
     * long as the server's Retry-After says) or `LlmEmptyReply` (retried); the failure's details say what stands
     * in Slack. With a turn in `slack` it shows there that it is at work, and hands the reply over; with a `live`
     * place the reply is shown there while it grows. Neither fails the activity.
     */
    async generateReply(input: {
      text: string;
      agent: Agent;
      messages: PromptMessage[];
      slack?: HandoverTurn;
      live?: LivePlace;
    }): Promise<GeneratedReply> {
      const handover =
        input.slack && beginHandover({ slack, redis, turn: input.slack, isLive: input.agent.liveReplies });
      const live = handover?.live ?? (input.live && showLive(input.live));
      const beat = setInterval(() => heartbeat(handover?.posted()), HEARTBEAT_MS);
      try {
        const completion = await runAgent(input.text, input.agent, input.messages, {
          signal: cancellationSignal(),
          ...(live && { onProgress: live.show }),
        });
        if (completion.text.trim() === '') throw new EmptyReplyError('the LLM answered nothing');
        await live?.stop();
        const repliedAt = performance.now();
        const handedOver = await handover?.finish(completion.text);
        const slackMs = Math.round(performance.now() - repliedAt);
        const appended = handedOver?.delivered && (await handover?.append(input.text, completion.text));
        return {
          text: completion.text,
          model: completion.model,
          usage: completion.usage,
          timingsMs: {
            firstToken: Math.round(completion.firstTokenMs),
            total: Math.round(completion.totalMs),
            ...(handedOver?.delivered && { slack: slackMs }),
          },
          ...(handedOver && { handedOver }),
          ...(appended && { appended }),
        };
      } catch (error) {
        throw toFailure(error, await detailsOf(handover));
      } finally {
        clearInterval(beat);
        await live?.stop();
      }
    },
  };

  function showLive({ place, messageId, ts }: LivePlace): LiveReply | undefined {
    const client = slack(place.team);
    return client && createLiveReply((text) => updatePart(client, place, ts, { messageId, part: 0 }, text));
  }
}

class EmptyReplyError extends Error {}

async function detailsOf(handover: Handover | undefined): Promise<[] | [ReplyFailureDetails]> {
  return handover ? [{ handedOver: await handover.giveUp() }] : [];
}

function toFailure(error: unknown, details: [ReplyFailureDetails] | []): unknown {
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
