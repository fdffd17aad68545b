/** Workflows as they must not be changed: the model is asked before memory is looked up, without `patched`. */
import type { HandleMessageInput } from '../../../src/domain/turn.ts';
import { gathering, replying } from '../../../src/workflows/activities.ts';

export { EmbedAndStore } from '../../../src/workflows/embed-and-store.ts';

export async function HandleMessage({ message, agent }: HandleMessageInput): Promise<string> {
  const reply = await replying.generateReply({ text: message.text, agent, messages: [] });
  await gathering.gatherContext({ message, recall: agent.recall, agentName: agent.name });
  return reply.text;
}
