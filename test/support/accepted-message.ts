/** A message as the API would have accepted it. */
import { randomUUID } from 'node:crypto';
import { DEFAULT_RECALL, type Agent } from '../../src/domain/agent.ts';
import type { InboundMessage } from '../../src/domain/conversation.ts';
import { DEFAULT_MAX_PROMPT_TOKENS } from '../../src/domain/prompt.ts';
import type { HandleMessageInput, TurnLimits } from '../../src/domain/turn.ts';

/** As the configuration has them when nothing is set. */
export const DEFAULT_LIMITS: TurnLimits = {
  holdFollowersMs: 30_000,
  maxPromptTokens: DEFAULT_MAX_PROMPT_TOKENS,
};

/** The input of `HandleMessage`, of a new scope unless one is given. */
export function acceptedMessage(
  fields: Partial<InboundMessage> = {},
  limits: Partial<TurnLimits> = {},
): HandleMessageInput {
  const message: InboundMessage = {
    tenantId: randomUUID(),
    agentId: randomUUID(),
    userId: 'ada',
    messageId: randomUUID(),
    channel: { name: 'http' },
    text: 'What is my dog called?',
    receivedAt: new Date().toISOString(),
    seq: 1,
    turnsAhead: 0,
    ...fields,
  };
  const agent: Agent = {
    id: message.agentId,
    tenantId: message.tenantId,
    name: 'Mara',
    jobTitle: 'assistant',
    persona: '',
    systemPrompt: 'Help.',
    model: null,
    maxPromptTokens: null,
    recall: DEFAULT_RECALL,
    liveReplies: false,
  };
  return { message, agent, limits: { ...DEFAULT_LIMITS, ...limits } };
}
