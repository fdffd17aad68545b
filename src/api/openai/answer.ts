/** Replies in the shape of chat completions. */
import type { z } from 'zod';
import type { LedgerTurn } from '../../db/ledger.ts';
import type { TokenUsage } from '../../domain/turn.ts';
import type { EndedOutcome } from '../../intake/follow-reply.ts';
import type { COMPLETION } from '../answers-to-clients.ts';
import { Problem } from '../problems.ts';

export type Done = Extract<EndedOutcome, { state: 'done' }>;

const seconds = (time: Date): number => Math.floor(time.getTime() / 1_000);

const headOf = <T extends string>({ messageId, receivedAt, agentId }: LedgerTurn, object: T) => ({
  id: `chatcmpl-${messageId}`,
  object,
  created: seconds(receivedAt),
  model: agentId,
});

/** A whole completion. */
export function completionOf(turn: LedgerTurn, outcome: Done): z.input<typeof COMPLETION.schema> {
  const { reply } = outcome;
  const usage = usageOf(outcome);
  return {
    ...headOf(turn, 'chat.completion'),
    choices: [
      {
        index: 0,
        message: { role: 'assistant' as const, content: reply.text, refusal: null },
        logprobs: null,
        finish_reason: finishOf(outcome),
      },
    ],
    ...(usage && { usage }),
  };
}

type Usage = { prompt_tokens: number; completion_tokens: number; total_tokens: number };
type Delta = { role?: 'assistant'; content?: string };

/** One piece of a completion. With `withUsage` the last chunk has it, and the others say that they don't. */
export const chunkOf = (
  turn: LedgerTurn,
  delta: Delta,
  { finish = null, withUsage }: { finish?: string | null; withUsage: boolean },
): object => ({
  ...headOf(turn, 'chat.completion.chunk'),
  choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
  ...(withUsage && { usage: null }),
});

/** The last chunk for whoever asked for the usage. */
export const usageChunkOf = (turn: LedgerTurn, outcome: Done): object => ({
  ...headOf(turn, 'chat.completion.chunk'),
  choices: [],
  usage: usageOf(outcome) ?? null,
});

export const finishOf = ({ cutOff }: Done): 'length' | 'stop' => (cutOff ? 'length' : 'stop');

/** Undefined where the model’s server doesn't count, or Temporal has forgotten it. */
function usageOf({ answer }: Done): Usage | undefined {
  const usage: TokenUsage | null | undefined = answer?.usage;
  if (!usage) return undefined;
  const { promptTokens, completionTokens } = usage;
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  };
}

/** Why there is no completion. */
export function noReply(turn: LedgerTurn, outcome: Exclude<EndedOutcome, Done>): Problem {
  const { messageId } = turn;
  switch (outcome.state) {
    case 'failed':
      return new Problem(502, 'No reply', outcome.reply.text, { members: { code: 'no_reply', messageId } });
    case 'erased':
      return new Problem(410, 'Forgotten', 'The message has been forgotten.', {
        members: { code: 'forgotten', messageId },
      });
    case 'refused':
      return new Problem(503, 'Not taken', 'The message was not taken; send it again.', {
        headers: { 'Retry-After': '2' },
      });
  }
}
