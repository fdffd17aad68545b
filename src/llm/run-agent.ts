import type { Agent } from '../domain/agent.ts';
import type { PromptMessage } from '../domain/conversation.ts';
import { buildSystemPrompt } from '../domain/prompt.ts';
import type { Completion, CompletionRequest, LlmClient } from './client.ts';

type RunnableAgent = Pick<
  Agent,
  'name' | 'jobTitle' | 'persona' | 'systemPrompt' | 'model' | 'maxPromptTokens' | 'llm'
>;

/** Asks an agent's model. Rejects as `LlmClient.complete` does. */
export type RunAgent = (
  message: string,
  agent: RunnableAgent,
  messages?: readonly PromptMessage[],
  options?: Pick<CompletionRequest, 'signal' | 'onProgress'>,
) => Promise<Completion>;

/**
 * Makes `runAgent(message, agent, messages?)`. It sends `messages`, or `[system prompt, message]` when there
 * are none, in the shape that servers take.
 */
export function createRunAgent(llm: LlmClient, defaultModel: string): RunAgent {
  return (message, agent, messages, options = {}) =>
    llm.complete({
      model: agent.model ?? defaultModel,
      messages: messages ?? [
        { role: 'system', content: buildSystemPrompt(agent) },
        { role: 'user', content: message },
      ],
      ...(agent.llm && { limits: agent.llm }),
      ...options,
    });
}
