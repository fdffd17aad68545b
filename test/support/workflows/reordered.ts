/**
 * Workflows as they must not be changed: the model is asked before memory is looked up, without `patched`.
 */
import type { HandleMessageInput } from '../../../src/domain/turn.ts';
import { answerTurn, gatherContext } from '../../../src/workflows/activities.ts';

export { EmbedAndStore } from '../../../src/workflows/embed-and-store.ts';

export async function HandleMessage({ message, agent }: HandleMessageInput): Promise<string> {
  const reply = await answerTurn({ text: message.text, agent, messages: [] });
  await gatherContext({ message, recall: agent.recall, agentName: agent.name });
  return reply.text;
}
