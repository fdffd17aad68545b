import type { EmbedAndStoreInput } from '../domain/turn.ts';
import { appendOwedTurn, storeTurn, storeTurnLocally } from './activities.ts';

/** Remembers a finished turn: what the window is still owed, and both messages with their embeddings. */
export async function EmbedAndStore(input: EmbedAndStoreInput): Promise<void> {
  await Promise.all([
    input.appendOwed && appendOwedTurn({ message: input.message, reply: input.reply, seals: input.seals }),
    storeTurnLocally(input).catch(() => storeTurn(input)),
  ]);
}
