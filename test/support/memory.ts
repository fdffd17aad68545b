/** Memory through the worker's own activities: storeTurn tells it, gatherContext asks it. */
import { randomUUID } from 'node:crypto';
import type { RedisClient } from '../../src/redis/connection.ts';
import type pg from 'pg';
import { createGatherContext } from '../../src/activities/gather-context.ts';
import { createStoreTurn } from '../../src/activities/store-turn.ts';
import { DEFAULT_RECALL, type RecallSettings } from '../../src/domain/agent.ts';
import type { InboundMessage, Scope } from '../../src/domain/conversation.ts';
import type { GatheredContext } from '../../src/domain/turn.ts';
import { createEmbedder, type Embedder } from '../../src/memory/embedding/embedder.ts';
import { retrieveRelevant } from '../../src/memory/long-term/memories.ts';
import { SOMEBODY } from './embeddings.ts';
import { enterRow } from '../../bench/recall/ledger-row.ts';
import { connectRedis, createTestDatabase, modelsPath, type TestDatabase } from './services.ts';

export type Turn = { user: string; reply?: string; at?: string };
export type Asked = GatheredContext & {
  /** The user's messages of the exchanges that were found, best first. */
  found: string[];
};

/** What memory stands on, with the real model. */
export async function startMemories(): Promise<{
  database: TestDatabase;
  pool: pg.Pool;
  redis: RedisClient;
  embedder: Embedder;
  stop(): Promise<void>;
}> {
  const [database, redis, embedder] = await Promise.all([
    createTestDatabase(),
    connectRedis(),
    createEmbedder({ modelsPath: modelsPath() }),
  ]);
  const stop = async (): Promise<void> => {
    redis.disconnect();
    await embedder.close();
    await database.drop();
  };
  return { database, pool: database.pool, redis, embedder, stop };
}

/** A scope's memory, as the default settings have it; the agent is called Mara. */
export function memoryOf(
  services: { pool: pg.Pool; redis: RedisClient; embedder: Embedder },
  scope: Scope,
  userName?: string,
) {
  let clock = Date.parse('2026-11-02T09:00:00Z');
  const { storeTurn } = createStoreTurn(services);
  const { gatherContext } = createGatherContext(services);
  const messageAt = (text: string, at: string): InboundMessage => ({
    ...scope,
    ...(userName !== undefined && { userName }),
    messageId: randomUUID(),
    channel: { name: 'http' },
    text,
    receivedAt: at,
    seq: 1,
    turnsAhead: 0,
  });
  return {
    /** Stores turns; those without a time are two hours apart, so that each is a session of its own. */
    async tell(...turns: Turn[]): Promise<InboundMessage[]> {
      const messages: InboundMessage[] = [];
      for (const { user, reply = 'Thanks, noted.', at } of turns) {
        clock += 2 * 3_600_000;
        const message = messageAt(user, at ?? new Date(clock).toISOString());
        await enterRow(services.pool, message);
        await storeTurn({
          message,
          reply,
          repliedAt: message.receivedAt,
          embedding: null,
          appendOwed: false,
        });
        messages.push(message);
      }
      return messages;
    },
    async ask(
      text: string,
      settings: Partial<RecallSettings> & { roomTokens?: number } = {},
      at?: string,
    ): Promise<Asked> {
      const { roomTokens, ...recall } = settings;
      const context = await gatherContext({
        message: messageAt(text, at ?? new Date(clock + 3_600_000).toISOString()),
        recall: { ...DEFAULT_RECALL, ...recall },
        agentName: 'Mara',
        ...(roomTokens !== undefined && { roomTokens }),
      });
      if (context.missing.length > 0) throw new Error(`memory had no ${context.missing.join(', ')}`);
      const found = context.recalled.filter(({ rank, role }) => rank !== undefined && role === 'user');
      return { ...context, found: found.map(({ content }) => content) };
    },
    /** What single messages by plain cosine would have put first. */
    async plainCosine(text: string, topK = 3): Promise<string[]> {
      const embedding = [...(await services.embedder.embed(text, { ...SOMEBODY, priority: 'query' }))];
      return retrieveRelevant(
        services.pool,
        scope.tenantId,
        scope.agentId,
        scope.userId,
        embedding,
        topK,
        -1,
      );
    },
  };
}
