/**
 * What a server's errors teach. An error may repeat what a person wrote, and what one person writes must
 * change nothing for the others of an agent: a lesson holds for the answer that it was learned for, and is
 * kept for others only once the server has answered so, when it rests on words and numbers that weren't sent,
 * and when it doesn't go below what the server has taken.
 */
import type { BuiltAnswer } from './answer-builder.ts';
import type { ContextLimit } from './context-limit.ts';
import type { Known } from './known-servers.ts';
import type { Refusal } from './refused-parameter.ts';
import { learnLimit, learnRefusal, type Bareness, type Plan } from './request.ts';

/** Smaller contexts and caps are nobody's: such a limit is learned anew for each answer. */
const LEAST_CONTEXT = 1_024;
const LEAST_CAP = 256;
/** What was taken is known in tokens as they are estimated: they may be off by this. */
const MISCOUNT = 2;

export type Lessons = {
  /** What the server is known to be like, for this answer. */
  known: Known;
  limit: (limit: ContextLimit, plan: Plan, again: boolean) => void;
  /** False when it had been noted before: leaving the parameter out didn't help. */
  refusal: (refusal: Refusal) => boolean;
  /** The server has answered. */
  keep: (answer: BuiltAnswer, plan: Plan, bareness: Bareness) => void;
};

export function createLessons(shared: Known): Lessons {
  const known: Known = {
    ...shared,
    refused: new Set(shared.refused),
    context: { ...shared.context },
    taken: { ...shared.taken },
  };
  const before = { capName: shared.capName, largestCap: shared.largestCap, context: shared.context };
  let isSure = true;
  return {
    known,
    limit: (limit, plan, again) => {
      isSure &&= !limit.echoed;
      learnLimit(known, limit, plan, again);
    },
    refusal: (refusal) => {
      isSure &&= !refusal.echoed;
      return learnRefusal(known, refusal);
    },
    keep: (answer, plan, bareness) => {
      if (isSure) keepWhatWasLearned(shared, known, before);
      noteSuccess(shared, answer, plan, bareness);
    },
  };
}

function keepWhatWasLearned(
  shared: Known,
  { refused, capName, largestCap, context }: Known,
  before: Pick<Known, 'capName' | 'largestCap' | 'context'>,
): void {
  const { taken } = shared;
  for (const parameter of refused) shared.refused.add(parameter);
  if (capName !== before.capName) shared.capName = capName;
  const leastCap = Math.max(LEAST_CAP, taken.cap);
  if (largestCap !== before.largestCap && (largestCap ?? 0) >= leastCap) shared.largestCap = largestCap;
  const isChanged =
    context.tokens !== before.context.tokens || context.perEstimate !== before.context.perEstimate;
  const holds = (context.tokens ?? 0) / context.perEstimate;
  if (isChanged && (context.tokens ?? 0) >= LEAST_CONTEXT && holds >= taken.promptTokens / MISCOUNT)
    shared.context = { ...context };
}

function noteSuccess(known: Known, answer: BuiltAnswer, plan: Plan, bareness: Bareness): void {
  known.takesAll ||= plan.sent.has('stream_options');
  if (bareness > 0) known.refused.add('stream_options');
  if (bareness > 1) {
    known.refused.add('stream');
    known.capName = undefined;
  }
  if (answer.orphan) known.omitsTag = true;
  known.endless = answer.isWhole ? 0 : known.endless + 1;
  known.taken = {
    promptTokens: Math.max(known.taken.promptTokens, plan.promptTokens),
    cap: Number.isFinite(plan.cap) ? Math.max(known.taken.cap, plan.cap) : known.taken.cap,
  };
}
