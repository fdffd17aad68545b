import { ApplicationFailure } from '@temporalio/activity';
import { endTurn, finishTurn } from '../db/ledger.ts';
import { inTenant } from '../db/tenant-transaction.ts';
import { InvalidEmbeddingError } from '../domain/embedding.ts';
import { FAILURE } from '../domain/failures.ts';
import { soundFigures, type TurnFigures } from '../domain/turn-figures.ts';
import type { EmbedAndStoreInput } from '../domain/turn.ts';
import { HANDED_OVER } from '../domain/words.ts';
import { decodeEmbedding } from '../memory/embedding/embedding-codec.ts';
import { derive } from '../memory/long-term/derive.ts';
import { embedExchangeTexts, insertExchange, type Embed } from '../memory/long-term/exchange-passages.ts';
import { insertMemories } from '../memory/long-term/memories.ts';
import { memoryId } from '../memory/long-term/memory-id.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { watchAttempt } from './watch-attempt.ts';

export function createStoreTurn({ pool, embedder }: Pick<ActivityDependencies, 'pool' | 'embedder'>) {
  return {
    /**
     * Embeds what has no embedding yet and stores both messages, the exchange as recall finds it, and the
     * ledger's last word on the turn, in one transaction. Ids derive from the message, so a retry stores
     * nothing twice. A turn that was erased meanwhile is not stored.
     */
    async storeTurn(input: EmbedAndStoreInput): Promise<void> {
      const { message, repliedAt } = input;
      // Where a person has taken over, the agent has said nothing that could be remembered.
      const reply = input.reply === HANDED_OVER ? undefined : input.reply;
      const { tenantId, agentId, userId, messageId: exchangeId } = message;
      const figures = figuresOf(input);
      const attempt = watchAttempt();
      const request = { tenantId, userId, priority: 'backfill', signal: attempt.signal } as const;
      const by: Embed = {
        tenantId,
        embed: (text) => embedder.embed(text, request),
        embedParts: (parts) => embedder.embedParts(parts, request),
      };
      try {
        const known = {
          user: input.embedding === null ? undefined : decodeEmbedding(input.embedding),
          reply: reply === undefined ? [] : undefined,
        };
        const texts = { user: message.text, reply: reply ?? '' };
        const embedded = await embedExchangeTexts(texts, known, by);
        const exchange = { tenantId, agentId, userId, exchangeId };
        const createdAt = new Date(message.receivedAt);
        const { passages } = embedded;
        const derived = await derive(request, { ...texts, createdAt, passages });
        const user = { id: memoryId('user', exchangeId), createdAt };
        const assistant = { id: memoryId('assistant', exchangeId), createdAt: new Date(repliedAt) };
        await inTenant(pool, tenantId, async (client) => {
          // First, since it holds the turn's row: an erasure comes before all of this or after it.
          if (!(await finishTurn(client, tenantId, exchangeId, 'done', figures))) return;
          await insertMemories(client, exchange, [
            { ...user, role: 'user', content: message.text, embedding: embedded.user },
            ...(reply === undefined
              ? []
              : [{ ...assistant, role: 'assistant' as const, content: reply, embedding: embedded.reply }]),
          ]);
          await insertExchange(client, {
            ...exchange,
            user: { memoryId: user.id, text: message.text },
            reply: reply === undefined ? null : { memoryId: assistant.id, text: reply },
            ...{ createdAt, passages, derived },
          });
        });
      } catch (error) {
        if (!(error instanceof InvalidEmbeddingError)) throw error;
        // Answered all the same: the ledger's turn ends well, only memory lacks it.
        await inTenant(pool, tenantId, (client) => finishTurn(client, tenantId, exchangeId, 'done', figures));
        throw ApplicationFailure.create({
          type: FAILURE.invalidEmbedding,
          message: error.message,
          nonRetryable: true,
        });
      } finally {
        attempt.end();
      }
    },

    /** Writes into the ledger that a turn ended without a reply. One that is remembered stays as it is. */
    async recordFailedTurn(input: { tenantId: string; messageId: string }): Promise<void> {
      await endTurn(pool, input.tenantId, input.messageId, 'failed');
    },
  };
}

/** A turn that was begun by older code has none. */
function figuresOf({ figures, appendOwed }: EmbedAndStoreInput): TurnFigures | undefined {
  if (figures === undefined) return undefined;
  const sound = soundFigures(figures);
  return { ...sound, missing: [...sound.missing, ...(appendOwed ? (['append'] as const) : [])] };
}
