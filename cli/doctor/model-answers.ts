import type { LlmFailureReason } from '../../src/domain/failures.ts';
import { LlmRejectedError } from '../../src/llm/errors.ts';
import { doubt, fault, reasonOf, type Finding } from './finding.ts';

type Meaning = { what: string; cure: string };

/** Why a model gives no answer, and what helps. The server's words may hold the key, so they stay unseen. */
const MEANINGS: Partial<Record<LlmFailureReason, Meaning>> = {
  badKey: { what: 'its server refuses the key', cure: 'set LLM_API_KEY to a key of that server' },
  unknownModel: {
    what: 'its server has no model of that name',
    cure: 'correct LLM_MODEL and LLM_MODELS: the server lists its models at LLM_BASE_URL/models',
  },
  outOfCredit: { what: 'the account has no credit left', cure: 'pay, or set LLM_API_KEY to another account' },
};

export function rejectionOf(error: unknown, model: string, baseUrl: string): Finding {
  const { reason } = error instanceof LlmRejectedError ? error : { reason: undefined };
  const meaning = reason && MEANINGS[reason];
  if (meaning) return fault(`${model} does not answer: ${meaning.what}`, meaning.cure);
  if (reason) return doubt(`${model} gave no answer to the doctor: ${reasonOf(error)}`, 'ask it something');
  if (error instanceof LlmRejectedError)
    return fault(
      `${model} does not answer: ${reasonOf(error)}`,
      `check LLM_BASE_URL=${baseUrl}: it ends where /chat/completions begins, mostly in /v1`,
    );
  return fault(
    `${model} does not answer: ${reasonOf(error)}`,
    `start the server at LLM_BASE_URL=${baseUrl}, or correct the address`,
  );
}
