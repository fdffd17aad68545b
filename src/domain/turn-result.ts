import type { Prompt } from './prompt.ts';
import type { AnswerNotes, GatheredContext, Missing, TurnAnswer, TurnResult } from './turn.ts';

/** The receipt of an answered turn: why the agent said that, from what its steps left. */
export function turnResult(steps: {
  waited: { waitedFor?: TurnResult['waitedFor']; waitedMs: number };
  context: GatheredContext;
  prompt: Prompt;
  answer: TurnAnswer;
  missing: Missing[];
}): TurnResult {
  const { waited, context, prompt, answer, missing } = steps;
  const { total: llm, delivery } = answer.timingsMs;
  const { droppedFromWindow = 0 } = context;
  return {
    reply: { text: answer.text },
    memory: {
      windowSize: context.window.length + droppedFromWindow,
      recalled: context.recalled,
      ...(context.receipt && { receipt: context.receipt }),
      droppedFromWindow: droppedFromWindow + prompt.droppedFromWindow,
      ...(answer.embeddedInPart && { embeddedInPart: answer.embeddedInPart }),
    },
    missing,
    ...(waited.waitedFor && { waitedFor: waited.waitedFor }),
    model: answer.model,
    usage: answer.usage,
    ...notesOf(answer),
    timingsMs: {
      waited: waited.waitedMs,
      ...context.timingsMs,
      llm,
      ...(delivery !== undefined && { delivery }),
    },
  };
}

/** The notes of an answer, without what is absent. */
export function notesOf(answer: AnswerNotes): AnswerNotes {
  const { finishReason, cutOff, reasoning, droppedFromPrompt } = answer;
  return {
    ...(finishReason !== undefined && { finishReason }),
    ...(cutOff && { cutOff }),
    ...(reasoning && { reasoning }),
    ...(droppedFromPrompt && { droppedFromPrompt }),
  };
}
