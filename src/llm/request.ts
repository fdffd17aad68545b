import type { PromptMessage } from '../domain/conversation.ts';
import type { Shortened } from '../domain/turn.ts';
import type { ContextLimit } from './context-limit.ts';
import type { Known } from './known-servers.ts';
import type { Parameter } from './refused-parameter.ts';
import { foldSystem, shapeMessages } from './shape-messages.ts';
import { NOTHING_LEFT_OUT, shortenMessages, tokensOf } from './shorten.ts';

/** The parts of a context that stay free: its share for the answer, and what counting may be off by. */
const ANSWER_SHARE = 1 / 4;
const MARGIN = 1 / 50;
/** Less than this many tokens is no answer. */
export const SMALLEST_CAP = 16;
/** How much is given up when a server doesn't say how much is too much. */
const STEP = 0.7;

export type Plan = {
  body: Readonly<Record<string, unknown>>;
  /** The output cap that is sent, in tokens; infinite when none is. */
  cap: number;
  /** The parameters in it, for the reading of refusals. */
  sent: ReadonlyMap<Parameter, unknown>;
  leftOut: Shortened;
  /** What is sent, in tokens as `estimateTokens` counts. */
  promptTokens: number;
  /** False when the prompt can't be made short enough. */
  fits: boolean;
};

/** How little is asked of a server that refuses without saying what: 1 without `stream_options`, 2 bare. */
export type Bareness = 0 | 1 | 2;

/** The next request: what was handed in, as far as the server is known to take it. */
export function planRequest(
  input: {
    model: string;
    messages: readonly PromptMessage[];
    maxOutputTokens: number;
    contextTokens: number | undefined;
  },
  known: Known,
  bareness: Bareness,
): Plan {
  const { model, maxOutputTokens, contextTokens } = input;
  const { perEstimate } = known.context;
  const size = smaller(known.context.tokens, contextTokens);
  const cap = smaller(maxOutputTokens, known.largestCap) ?? maxOutputTokens;
  let answerRoom = cap;
  let fitted = { messages: [...input.messages], leftOut: NOTHING_LEFT_OUT, fits: true };
  if (size !== undefined) {
    const free = size * (1 - MARGIN);
    const reserved = Math.min(cap, size * ANSWER_SHARE);
    fitted = shortenMessages(input.messages, Math.floor((free - reserved) / perEstimate));
    const used = tokensOf(fitted.messages) * perEstimate;
    answerRoom = Math.max(SMALLEST_CAP, Math.min(cap, Math.floor(free - used)));
  }
  const shaped = shapeMessages(fitted.messages);
  const messages = known.refused.has('system') ? foldSystem(shaped.messages) : shaped.messages;
  const streams = bareness < 2 && !known.refused.has('stream') && known.endless < 2;
  const counts = streams && bareness < 1 && !known.refused.has('stream_options');
  const capName = bareness < 2 ? known.capName : undefined;
  const options = {
    ...(streams && { stream: true }),
    ...(counts && { stream_options: { include_usage: true } }),
    ...(capName && { [capName]: answerRoom }),
  };
  const sent = new Map<Parameter, unknown>(Object.entries(options) as Array<[Parameter, unknown]>);
  if (messages[0]?.role === 'system') sent.set('system', true);
  return {
    body: { model, messages, ...options },
    cap: capName ? answerRoom : Infinity,
    sent,
    leftOut: { ...fitted.leftOut, windowMessages: fitted.leftOut.windowMessages + shaped.lost },
    promptTokens: tokensOf(messages),
    fits: fitted.fits,
  };
}

/** Notes a refused parameter. False when it had been noted before: leaving it out didn't help. */
export function learnRefusal(known: Known, refusal: { parameter: Parameter; largest?: number }): boolean {
  const { parameter, largest } = refusal;
  if (parameter === 'max_tokens' || parameter === 'max_completion_tokens') {
    if (largest !== undefined) {
      known.largestCap = largest;
      return true;
    }
    known.refused.add(parameter);
    const other = parameter === 'max_tokens' ? 'max_completion_tokens' : 'max_tokens';
    known.capName = known.refused.has(other) ? undefined : other;
    return true;
  }
  if (known.refused.has(parameter)) return false;
  known.refused.add(parameter);
  return true;
}

/** Notes that a prompt was too long. `again`: it was noted in this attempt already and didn't help. */
export function learnLimit(known: Known, limit: ContextLimit, plan: Plan, again: boolean): void {
  const { context } = known;
  const { limitTokens, promptTokens } = limit;
  if (limitTokens === undefined || limitTokens < SMALLEST_CAP) {
    const sent = plan.promptTokens * context.perEstimate;
    context.tokens = Math.max(SMALLEST_CAP, Math.floor(Math.min(context.tokens ?? sent, sent) * STEP));
    return;
  }
  context.tokens = limitTokens;
  if (again) context.perEstimate = Math.min(8, context.perEstimate / STEP);
  else if (promptTokens !== undefined && promptTokens > 0) {
    // Measured: the server counted what was estimated. Bounded, since not every number is what it seems.
    context.perEstimate = Math.min(5, Math.max(0.3, promptTokens / Math.max(1, plan.promptTokens)));
  } else if (plan.promptTokens * context.perEstimate < limitTokens) {
    context.perEstimate = Math.min(5, (limitTokens / Math.max(1, plan.promptTokens)) * 1.1);
  }
}

function smaller(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Math.min(a, b);
}
