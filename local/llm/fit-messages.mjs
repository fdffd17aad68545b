/** Tokens that the chat template adds around a message. */
const OVERHEAD = 8;

/**
 * The messages that fit into `budget` tokens: all system messages, the last message, and as many of the
 * others as fit, newest first. A system or last message that is too long loses its middle.
 * @param {{role: string, content: string}[]} messages
 * @param {{budget: number, count: (text: string) => number}} options
 */
export function fitMessages(messages, { budget, count }) {
  const cost = (message) => count(message.content) + OVERHEAD;
  const isPinned = (message, index) => message.role === 'system' || index === messages.length - 1;
  const pinnedCount = messages.filter(isPinned).length;
  const share = Math.floor(budget / Math.max(1, pinnedCount));
  const shortened = messages.map((message, index) =>
    isPinned(message, index)
      ? { ...message, content: shorten(message.content, share - OVERHEAD, budget, count) }
      : message,
  );
  let left = budget - shortened.filter(isPinned).reduce((sum, message) => sum + cost(message), 0);
  const kept = new Set(shortened.filter(isPinned));
  for (const message of shortened.filter((m, index) => !isPinned(m, index)).reverse()) {
    left -= cost(message);
    if (left < 0) break; // a later start is better than a gap in the middle of the conversation
    kept.add(message);
  }
  return shortened.filter((message) => kept.has(message));
}

/** Cuts the middle out of a text that takes more than its share and more than a quarter of the budget. */
function shorten(text, share, budget, count) {
  const limit = Math.max(share, Math.floor(budget / 4));
  const tokens = count(text);
  if (tokens <= limit) return text;
  const half = Math.floor((text.length * limit) / tokens / 2) - 1;
  return `${text.slice(0, half)}\n…\n${text.slice(-half)}`;
}
