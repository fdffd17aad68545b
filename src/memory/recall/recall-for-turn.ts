import type pg from 'pg';
import type { RecallSettings } from '../../domain/agent.ts';
import type { InboundMessage, Recollection, WindowMessage } from '../../domain/conversation.ts';
import { boundRecalled, keptOfWindow } from '../../domain/prompt.ts';
import { recallBesideWindow } from './beside-window.ts';
import { recall, type RecallQuery } from './recall.ts';

/** A turn, as far as recall depends on it. */
export type RecallForTurn = {
  message: InboundMessage;
  /** The agent's display name. */
  agentName: string;
  settings: RecallSettings;
  /** Tokens that the prompt has for the window and the recalled messages together (see `promptRoom`). */
  roomTokens: number;
  /** Oldest first, with the message ids of the turns where they are known. */
  window: readonly WindowMessage[];
  /** The embedding of the message's text. */
  embedding: ArrayLike<number>;
  /** The embedding of the text in the first person, where that differs (see `inFirstPerson`). */
  inFirstPerson?: ArrayLike<number>;
  /** See `RecallFrom`. */
  hasTime?: () => boolean;
  signal?: AbortSignal;
};

/** What a turn asks of memory. */
export function queryOf(
  turn: Pick<RecallForTurn, 'message' | 'agentName' | 'embedding' | 'inFirstPerson'>,
): RecallQuery {
  const { message, agentName, embedding, inFirstPerson } = turn;
  return {
    text: message.text,
    embedding: Array.from(embedding),
    inFirstPerson: inFirstPerson && Array.from(inFirstPerson),
    askedAt: new Date(message.receivedAt),
    speakers: { user: message.userName, agent: agentName },
  };
}

/**
 * Recalls for one turn: searches the message's scope with the message's text and embedding, and leaves out
 * what the prompt already shows from the window. Both a live turn and `npm run replay -- --what-if` call
 * this, so a rerun asks exactly what the turn asked. Throws `InvalidEmbeddingError`.
 */
export function recallForTurn(pool: pg.Pool, turn: RecallForTurn): Promise<Recollection> {
  const { message, agentName, settings, roomTokens, window, hasTime, signal } = turn;
  const speakers = { user: message.userName, agent: agentName };
  return recall(pool, { scope: message, settings, hasTime, signal }, queryOf(turn), (search) =>
    recallBesideWindow(
      window,
      (recalled) => keptOfWindow(roomTokens, window, recalled, speakers),
      async (inPrompt) => {
        const found = await search(inPrompt);
        return { ...found, recalled: boundRecalled(found.recalled, speakers) };
      },
    ),
  );
}
