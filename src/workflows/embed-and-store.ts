import type { EmbedAndStoreInput } from '../domain/turn.ts';
import { storing, storingHere } from './activities.ts';

/** Remembers a finished turn: what the window is still owed, then both messages with their embeddings. */
export async function EmbedAndStore(input: EmbedAndStoreInput): Promise<void> {
  await Promise.all([
    input.appendOwed && storing.appendOwedTurn({ message: input.message, reply: input.reply }),
    storingHere.storeTurn(input).catch(() => storing.storeTurn(input)),
  ]);
}
