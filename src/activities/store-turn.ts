import { ApplicationFailure } from '@temporalio/activity';
import { finishTurn } from '../db/ledger.ts';
import { inTenant } from '../db/tenant-transaction.ts';
import type { Role, Scope } from '../domain/conversation.ts';
import { InvalidEmbeddingError } from '../domain/embedding.ts';
import { FAILURE } from '../domain/failures.ts';
import type { EmbedAndStoreInput } from '../domain/turn.ts';
import { decodeEmbedding } from '../memory/embedding-codec.ts';
import { embedPassages, insertExchange } from '../memory/exchange-passages.ts';
import { insertMemory } from '../memory/long-term.ts';
import { memoryId } from '../memory/memory-id.ts';
import type { ActivityDependencies } from './dependencies.ts';

export function createStoreTurn({ pool, embedder }: Pick<ActivityDependencies, 'pool' | 'embedder'>) {
  return {
    /**
     * Embeds what has no embedding yet and stores both messages, the exchange as recall finds it, and the
     * ledger's last word on the turn, in one transaction. Ids derive from the message, so a retry stores nothing twice.
     */
    async storeTurn(input: EmbedAndStoreInput): Promise<void> {
      const { message, reply, repliedAt } = input;
      try {
        const [userEmbedding, replyEmbedding] = await Promise.all([
          input.embedding === null
            ? embedder.embed(message.text, 'backfill')
            : decodeEmbedding(input.embedding),
          embedder.embed(reply, 'backfill'),
        ]);
        const memory = (role: Role, content: string, embedding: Float32Array, createdAt: string) => ({
          id: memoryId(role, message.messageId),
          tenantId: message.tenantId,
          agentId: message.agentId,
          userId: message.userId,
          exchangeId: message.messageId,
          createdAt: new Date(createdAt),
          role,
          content,
          embedding: [...embedding],
        });
        const passages = await embedPassages(
          { user: message.text, reply },
          { user: userEmbedding, reply: replyEmbedding },
          (text) => embedder.embed(text, 'backfill'),
        );
        const stored = (role: Role, text: string) => ({ memoryId: memoryId(role, message.messageId), text });
        await inTenant(pool, message.tenantId, async (client) => {
          await insertMemory(client, memory('user', message.text, userEmbedding, message.receivedAt));
          await insertMemory(client, memory('assistant', reply, replyEmbedding, repliedAt));
          await insertExchange(client, {
            ...scopeOf(message),
            exchangeId: message.messageId,
            user: stored('user', message.text),
            reply: stored('assistant', reply),
            createdAt: new Date(message.receivedAt),
            passages,
          });
          await finishTurn(client, message.tenantId, message.messageId, 'done');
        });
      } catch (error) {
        if (!(error instanceof InvalidEmbeddingError)) throw error;
        // Answered all the same: the ledger's turn ends well, only memory lacks it.
        await inTenant(pool, message.tenantId, (client) =>
          finishTurn(client, message.tenantId, message.messageId, 'done'),
        );
        throw ApplicationFailure.create({
          type: FAILURE.invalidEmbedding,
          message: error.message,
          nonRetryable: true,
        });
      }
    },

    /** Writes into the ledger that a turn ended without a reply. */
    async recordFailedTurn(input: { tenantId: string; messageId: string }): Promise<void> {
      await inTenant(pool, input.tenantId, (client) =>
        finishTurn(client, input.tenantId, input.messageId, 'failed'),
      );
    },
  };
}

function scopeOf({ tenantId, agentId, userId }: Scope): Scope {
  return { tenantId, agentId, userId };
}
