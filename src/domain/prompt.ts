import type { Agent } from './agent.ts';
import {
  jsonBytes,
  MAX_MEMORY_BYTES,
  MAX_RECALLED_BYTES,
  MAX_RECALLED_MESSAGE_BYTES,
  withinBytes,
} from './bounds.ts';
import type {
  BackgroundMessage,
  ConversationMessage,
  PromptMessage,
  RecalledMemory,
} from './conversation.ts';
import { handOverClause } from './hand-over.ts';
import {
  areQuotations,
  BACKGROUND_INTRODUCTION,
  formatBackground,
  formatBackgroundLine,
  formatMemories,
  formatRelevantContext,
  type PromptMemory,
  type Speakers,
} from './quotations.ts';
import { estimateTokens } from './tokens.ts';

/** What the builder needs of an agent. */
export type PromptAgent = Pick<
  Agent,
  'name' | 'jobTitle' | 'persona' | 'systemPrompt' | 'maxPromptTokens' | 'escalation'
>;

/** An agent with the deployment's budget where it has none of its own. */
export const withBudget = <A extends PromptAgent>(
  agent: A,
  { maxPromptTokens }: { maxPromptTokens: number },
): A => ({ ...agent, maxPromptTokens: agent.maxPromptTokens ?? maxPromptTokens });

export type Prompt = { messages: PromptMessage[]; droppedFromWindow: number };

/** The largest prompt, in tokens, where neither the agent nor the configuration says otherwise. */
export const DEFAULT_MAX_PROMPT_TOKENS = 24_000;

/** The largest answer, in tokens, where neither the agent nor the configuration says otherwise. */
export const DEFAULT_MAX_OUTPUT_TOKENS = 8_192;

/** The agent's system prompt, identity, persona, and the clause that it says truthfully that it is an AI. */
export function buildSystemPrompt(agent: PromptAgent): string {
  const identity = agent.jobTitle ? `You are ${agent.name}, ${agent.jobTitle}.` : `You are ${agent.name}.`;
  return [
    agent.systemPrompt.trim(),
    identity,
    agent.persona.trim() && `Persona: ${agent.persona.trim()}`,
    'If someone sincerely asks whether you are an AI, say truthfully that you are an AI.',
    handOverClause(agent),
  ]
    .filter(Boolean)
    .join('\n\n');
}

/**
 * The prompt for one message: `[system prompt]`, then, if anything was recalled, one system message that
 * quotes it, then, if the message stands in a thread of others, one that quotes that, then the window oldest
 * first, then the current message. Pure: the same input gives the same
 * prompt, in a workflow, in a replay and in a test.
 */
export function buildMessagesWithMemory(
  agent: PromptAgent,
  currentMessage: string,
  recentMessages: readonly ConversationMessage[],
  relevantContext: readonly PromptMemory[],
  userName?: string,
): PromptMessage[] {
  return buildPrompt(agent, currentMessage, recentMessages, relevantContext, userName).messages;
}

/**
 * Whether messages can be the prompt that `buildPrompt` makes for an agent and a message: its system prompt
 * first, then our quotations, then what user and agent said, the message last. Nothing speaks for the system
 * but we.
 */
export function isPromptOf(
  messages: readonly PromptMessage[],
  agent: PromptAgent,
  currentMessage: string,
): boolean {
  const [system, ...others] = messages;
  const current = others.pop();
  const afterQuotations = others.findIndex(({ role }) => role !== 'system');
  const said = afterQuotations === -1 ? [] : others.slice(afterQuotations);
  const quoted = others.slice(0, others.length - said.length);
  return (
    system?.role === 'system' &&
    system.content === buildSystemPrompt(agent) &&
    current?.role === 'user' &&
    current.content === currentMessage &&
    areQuotations(quoted.map(({ content }) => content)) &&
    // What is forged may have roles and contents that no type of ours knows.
    said.every(({ role, content }) => ['user', 'assistant'].includes(role) && typeof content === 'string')
  );
}

/** As `buildMessagesWithMemory`, and says how many of the oldest window messages the budget dropped. */
export function buildPrompt(
  agent: PromptAgent,
  currentMessage: string,
  recentMessages: readonly ConversationMessage[],
  relevantContext: readonly PromptMemory[],
  userName?: string,
  background: readonly BackgroundMessage[] = [],
): Prompt {
  const speakers = { user: userName, agent: agent.name };
  const context = contextOf(relevantContext, speakers);
  const thread = fittingThread(agent, currentMessage, background);
  const head = [buildSystemPrompt(agent), context, thread].flatMap((content): PromptMessage[] =>
    content === undefined ? [] : [{ role: 'system', content }],
  );
  const current: PromptMessage = { role: 'user', content: currentMessage };
  const kept = keptBeside(roomBeside(agent, currentMessage, thread), recentMessages, context);
  const droppedFromWindow = recentMessages.length - kept;
  const window = recentMessages.slice(droppedFromWindow).map(({ role, content }) => ({ role, content }));
  return { messages: [...head, ...window, current], droppedFromWindow };
}

/** Tokens that an agent's prompt has for what is recalled and for the window. */
export function promptRoom(
  agent: PromptAgent,
  currentMessage: string,
  background: readonly BackgroundMessage[] = [],
): number {
  return roomBeside(agent, currentMessage, fittingThread(agent, currentMessage, background));
}

function roomBeside(agent: PromptAgent, currentMessage: string, thread: string | undefined): number {
  const budget = agent.maxPromptTokens ?? DEFAULT_MAX_PROMPT_TOKENS;
  const room = budget - estimateTokens(buildSystemPrompt(agent)) - estimateTokens(currentMessage);
  return thread === undefined ? room : room - estimateTokens(thread);
}

/**
 * The newest of what was said before, as the prompt quotes it, in half of the room at most: the rest is for
 * memory.
 */
function fittingThread(
  agent: PromptAgent,
  currentMessage: string,
  background: readonly BackgroundMessage[],
): string | undefined {
  let left = roomBeside(agent, currentMessage, undefined) / 2 - estimateTokens(BACKGROUND_INTRODUCTION);
  const lines: string[] = [];
  for (const message of background.toReversed()) {
    const line = formatBackgroundLine(message, agent.name);
    left -= estimateTokens(line);
    if (left < 0) break;
    lines.unshift(line);
  }
  return lines.length > 0 ? formatBackground(lines) : undefined;
}

/** What is recalled, as the prompt quotes it. */
const contextOf = (recalled: readonly PromptMemory[], speakers: Speakers): string | undefined =>
  recalled.length > 0 ? formatRelevantContext(recalled, speakers) : undefined;

/**
 * How many of the window's newest messages have room beside what is recalled, by the prompt's tokens and by
 * what a turn may carry.
 */
export function keptOfWindow(
  roomTokens: number,
  recentMessages: readonly ConversationMessage[],
  relevantContext: readonly PromptMemory[],
  speakers: Speakers,
): number {
  return keptBeside(roomTokens, recentMessages, contextOf(relevantContext, speakers));
}

function keptBeside(
  roomTokens: number,
  recentMessages: readonly ConversationMessage[],
  context: string | undefined,
): number {
  let left = roomTokens;
  let bytesLeft = MAX_MEMORY_BYTES;
  const take = (text: string): boolean => {
    left -= estimateTokens(text);
    bytesLeft -= jsonBytes(text);
    return left >= 0 && bytesLeft >= 0;
  };
  if (context !== undefined) take(context);
  // From the newest back: the first that doesn't fit ends it, so what stays is an unbroken end.
  let kept = 0;
  for (const message of recentMessages.toReversed()) {
    if (!take(message.content)) break;
    kept += 1;
  }
  return kept;
}

/** The first of the recalled messages that a turn may carry, as the prompt quotes them; long ones are cut. */
export function boundRecalled(recalled: readonly RecalledMemory[], speakers: Speakers): RecalledMemory[] {
  let bytesLeft = MAX_RECALLED_BYTES;
  const kept: RecalledMemory[] = [];
  for (const memory of recalled) {
    const cut = { ...memory, content: withinBytes(memory.content, MAX_RECALLED_MESSAGE_BYTES) };
    bytesLeft -= jsonBytes(formatMemories([cut], speakers).join('\n'));
    if (bytesLeft < 0) break;
    kept.push(cut);
  }
  return kept;
}
