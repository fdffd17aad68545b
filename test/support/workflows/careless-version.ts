/** The same new step without `patched`: open turns cannot go on with it. */
import type { HandleMessageInput, TurnResult } from '../../../src/domain/turn.ts';
import { recordFailedTurn } from '../../../src/workflows/activities.ts';
import { HandleMessage as HandleMessageToday } from '../../../src/workflows/handle-message.ts';

export { EmbedAndStore } from '../../../src/workflows/embed-and-store.ts';

export async function HandleMessage(input: HandleMessageInput): Promise<TurnResult> {
  const { tenantId, messageId } = input.message;
  await recordFailedTurn({ tenantId, messageId });
  return HandleMessageToday(input);
}
