import type { PromptMessage } from '../domain/conversation.ts';
import { estimateTokens } from '../domain/tokens.ts';
import type { Shortened } from '../domain/turn.ts';

/** What a cut text keeps at least, in tokens as `estimateTokens` counts: less says nothing. */
const SMALLEST_TEXT = 48;
const MARKER = '\n[… left out: the text is too long for the model …]\n';

/** What was left out of a prompt that nothing was left out of. */
export const NOTHING_LEFT_OUT: Shortened = { windowMessages: 0, context: false, characters: 0 };

/**
 * The messages within a budget of tokens, as `estimateTokens` counts. Left out are, in this order and only as
 * far as needed: the oldest whole turns, what was recalled (every system message but the first), the middle
 * of the current message, the middle of the system prompt. `fits` is false when even that is too much. The
 * messages are as the prompt builder gives them, before they are shaped.
 */
export function shortenMessages(
  messages: readonly PromptMessage[],
  budgetTokens: number,
): { messages: PromptMessage[]; leftOut: Shortened; fits: boolean } {
  const leftOut = { ...NOTHING_LEFT_OUT };
  const systems = messages.filter(({ role }) => role === 'system');
  const talk = messages.filter(({ role }) => role !== 'system');
  const [prompt, ...context] = systems;
  const current = talk.pop();
  const turns = wholeTurns(talk);
  let total = tokensOf(messages);

  while (total > budgetTokens) {
    const oldest = turns.shift();
    if (!oldest) break;
    leftOut.windowMessages += oldest.length;
    total -= tokensOf(oldest);
  }
  let recalled = context;
  if (total > budgetTokens && context.length > 0) {
    leftOut.context = true;
    total -= tokensOf(context);
    recalled = [];
  }
  const cut = (message: PromptMessage | undefined): PromptMessage | undefined => {
    if (!message || total <= budgetTokens) return message;
    const had = estimateTokens(message.content);
    const content = cutMiddle(message.content, Math.max(SMALLEST_TEXT, had - (total - budgetTokens)));
    leftOut.characters += Math.max(0, message.content.length - content.length);
    total -= had - estimateTokens(content);
    return { ...message, content };
  };
  const shownCurrent = cut(current);
  const shownPrompt = cut(prompt);
  const kept = [shownPrompt, ...recalled, ...turns.flat(), shownCurrent];
  return {
    messages: kept.filter((message) => message !== undefined),
    leftOut,
    fits: total <= budgetTokens,
  };
}

/** Tokens of a prompt, as `estimateTokens` counts. */
export function tokensOf(messages: readonly PromptMessage[]): number {
  return messages.reduce((sum, { content }) => sum + estimateTokens(content), 0);
}

/** What the user said, with what was answered. */
function wholeTurns(talk: readonly PromptMessage[]): PromptMessage[][] {
  const turns: PromptMessage[][] = [];
  for (const message of talk) {
    const turn = turns.at(-1);
    if (!turn || (message.role === 'user' && turn.some(({ role }) => role === 'assistant')))
      turns.push([message]);
    else turn.push(message);
  }
  return turns;
}

/** A text's first two thirds and last third, as much as the tokens allow, with a marker between them. */
function cutMiddle(text: string, tokens: number): string {
  const bytes = Buffer.from(text, 'utf8');
  const room = (tokens - estimateTokens(MARKER)) * 3;
  if (room <= 0 || bytes.length <= room) return text;
  const head = Math.floor((room * 2) / 3);
  return `${sliceUtf8(bytes, 0, head)}${MARKER}${sliceUtf8(bytes, bytes.length - (room - head), bytes.length)}`;
}

/** The bytes from `start` to `end`, without what is left of a character at either edge. */
function sliceUtf8(bytes: Buffer, start: number, end: number): string {
  const continues = (at: number) => ((bytes[at] ?? 0) & 0xc0) === 0x80;
  let from = start;
  let to = end;
  while (from < to && continues(from)) from += 1;
  while (to > from && to < bytes.length && continues(to)) to -= 1;
  return bytes.toString('utf8', from, to);
}
