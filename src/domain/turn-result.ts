import type { AnswerNotes, Missing, ToldMemory, TurnAnswer, TurnResult } from './turn.ts';

/** The receipt of an answered turn: why the agent said that, from what its steps left. */
export function turnResult(steps: {
  waited: { waitedFor?: TurnResult['waitedFor']; waitedMs: number };
  told: ToldMemory;
  answer: TurnAnswer;
  missing: Missing[];
}): TurnResult {
  const { waited, told, answer, missing } = steps;
  const { total: llm, delivery } = answer.timingsMs;
  return {
    reply: { text: answer.text },
    memory: {
      windowSize: told.windowSize,
      recalled: told.recalled,
      ...(told.receipt && { receipt: told.receipt }),
      droppedFromWindow: told.droppedFromWindow,
      ...(answer.embeddedInPart && { embeddedInPart: answer.embeddedInPart }),
    },
    missing,
    ...(waited.waitedFor && { waitedFor: waited.waitedFor }),
    model: answer.model,
    usage: answer.usage,
    ...notesOf(answer),
    timingsMs: {
      waited: waited.waitedMs,
      ...told.timingsMs,
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
