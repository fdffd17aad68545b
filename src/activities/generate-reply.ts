import { ApplicationFailure, cancellationSignal, heartbeat } from '@temporalio/activity';
import type { Agent } from '../domain/agent.ts';
import type { PromptMessage } from '../domain/conversation.ts';
import { FAILURE } from '../domain/failures.ts';
import type { LivePlace } from '../domain/slack-reply.ts';
import type { GeneratedReply } from '../domain/turn.ts';
import { LlmRejectedError, LlmUnavailableError } from '../llm/client.ts';
import { createLiveReply, type LiveReply } from '../slack/live-reply.ts';
import { updatePart } from '../slack/thread-posts.ts';
import type { ActivityDependencies } from './dependencies.ts';

/** Often enough for a heartbeat time-out of 15 s, also while a model loads and says nothing. */
const HEARTBEAT_MS = 4_000;

export function createGenerateReply({ runAgent, slack }: Pick<ActivityDependencies, 'runAgent' | 'slack'>) {
  return {
    /**
     * Asks the agent's model. Fails as `LlmRejected` (non-retryable), `LlmUnavailable` (retried, after as
     * long as the server's Retry-After says) or `LlmEmptyReply` (retried). With a `live` place the reply is
     * shown there while it grows; that is for the eye only and never fails the activity.
     */
    async generateReply(input: {
      text: string;
      agent: Agent;
      messages: PromptMessage[];
      live?: LivePlace;
    }): Promise<GeneratedReply> {
      const beat = setInterval(() => heartbeat(), HEARTBEAT_MS);
      const live = input.live && showLive(input.live);
      try {
        const completion = await runAgent(input.text, input.agent, input.messages, {
          signal: cancellationSignal(),
          ...(live && { onProgress: live.show }),
        });
        if (completion.text.trim() === '') {
          throw ApplicationFailure.create({
            type: FAILURE.llmEmptyReply,
            message: 'the LLM answered nothing',
          });
        }
        return {
          text: completion.text,
          model: completion.model,
          usage: completion.usage,
          timingsMs: {
            firstToken: Math.round(completion.firstTokenMs),
            total: Math.round(completion.totalMs),
          },
        };
      } catch (error) {
        throw toFailure(error);
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

function toFailure(error: unknown): unknown {
  if (error instanceof LlmRejectedError) {
    return ApplicationFailure.create({
      type: FAILURE.llmRejected,
      message: error.message,
      nonRetryable: true,
    });
  }
  if (error instanceof LlmUnavailableError) {
    return ApplicationFailure.create({
      type: FAILURE.llmUnavailable,
      message: error.message,
      ...(error.retryAfterMs !== undefined && { nextRetryDelay: Math.max(1, error.retryAfterMs) }),
    });
  }
  return error;
}
