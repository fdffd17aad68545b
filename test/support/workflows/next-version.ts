/**
 * The next version of the workflows, changed as docs/CHANGING-WORKFLOWS.md says: a new step, behind
 * `patched`.
 */
import { patched } from '@temporalio/workflow';
import type { HandleMessageInput, TurnResult } from '../../../src/domain/turn.ts';
import { recordFailedTurn } from '../../../src/workflows/activities.ts';
import { HandleMessage as HandleMessageToday } from '../../../src/workflows/handle-message.ts';

export { EmbedAndStore } from '../../../src/workflows/embed-and-store.ts';

export async function HandleMessage(input: HandleMessageInput): Promise<TurnResult> {
  const { tenantId, messageId } = input.message;
  if (patched('a-step-before')) await recordFailedTurn({ tenantId, messageId });
  return HandleMessageToday(input);
}
