import type { Agent } from '../domain/agent.ts';
import type { PromptMessage } from '../domain/conversation.ts';
import { buildSystemPrompt } from '../domain/prompt.ts';
import { LlmRejectedError } from './errors.ts';
import type { Completion, CompletionRequest, LlmClient } from './client.ts';

type RunnableAgent = Pick<
  Agent,
  | 'id'
  | 'tenantId'
  | 'name'
  | 'jobTitle'
  | 'persona'
  | 'systemPrompt'
  | 'model'
  | 'maxPromptTokens'
  | 'llm'
  | 'escalation'
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
 * are none, in the shape that servers take. A model that is not among `models` is refused as one that the
 * server doesn't have: agents may have named it before the operator's list was made, and the key is the
 * operator's.
 */
export function createRunAgent(
  llm: LlmClient,
  offered: { model: string; models: readonly string[] },
): RunAgent {
  return async (message, agent, messages, options = {}) => {
    const model = agent.model ?? offered.model;
    if (model !== offered.model && !offered.models.includes(model)) {
      throw new LlmRejectedError('the agent’s model is not among LLM_MODELS', { reason: 'unknownModel' });
    }
    return llm.complete({
      tenantId: agent.tenantId,
      agentId: agent.id,
      model,
      messages: messages ?? [
        { role: 'system', content: buildSystemPrompt(agent) },
        { role: 'user', content: message },
      ],
      ...(agent.llm && { limits: agent.llm }),
      ...options,
    });
  };
}
