import type { PromptMessage } from '../domain/conversation.ts';

/** Parts of one message that were messages of their own. */
const SEPARATOR = '\n\n';

/**
 * The messages as every chat template takes them: one system message first, which joins all system parts,
 * then user and assistant in turn, from the user's first to the user's last. What a strict template would
 * refuse is merged (two messages of one role) or left out (an answer without its question, an empty text).
 * `lost` counts the messages that were left out. Pure, and a prompt that is in shape comes back unchanged.
 */
export function shapeMessages(messages: readonly PromptMessage[]): {
  messages: PromptMessage[];
  lost: number;
} {
  const filled = messages.filter(({ content }) => content.trim() !== '');
  const system = filled.filter(({ role }) => role === 'system').map(({ content }) => content);
  const talk = filled.filter(({ role }) => role !== 'system');
  const first = talk.findIndex(({ role }) => role === 'user');
  const last = talk.findLastIndex(({ role }) => role === 'user');
  const kept = first === -1 ? [] : talk.slice(first, last + 1);
  return {
    messages: [
      ...(system.length > 0 ? [{ role: 'system' as const, content: system.join(SEPARATOR) }] : []),
      ...mergeNeighbours(kept),
    ],
    lost: talk.length - kept.length,
  };
}

/** For models that know no system role (Gemma, older Mistral): it leads what the user says first. */
export function foldSystem(messages: readonly PromptMessage[]): PromptMessage[] {
  const [system, ...rest] = messages;
  if (system?.role !== 'system') return [...messages];
  return mergeNeighbours([{ role: 'user', content: system.content }, ...rest]);
}

function mergeNeighbours(messages: readonly PromptMessage[]): PromptMessage[] {
  const merged: Array<{ role: PromptMessage['role']; parts: string[] }> = [];
  for (const { role, content } of messages) {
    const before = merged.at(-1);
    if (before?.role === role) before.parts.push(content);
    else merged.push({ role, parts: [content] });
  }
  return merged.map(({ role, parts }) => ({ role, content: parts.join(SEPARATOR) }));
}
