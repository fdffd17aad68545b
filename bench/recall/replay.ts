import { Redis } from 'ioredis';
import type pg from 'pg';
import { v4 as randomUuid } from 'uuid';
import { createGatherContext } from '../../src/activities/gather-context.ts';
import { createStoreTurn } from '../../src/activities/store-turn.ts';
import { createAgent } from '../../src/db/agents.ts';
import { createTenant } from '../../src/db/tenants.ts';
import { inTenant } from '../../src/db/tenant-transaction.ts';
import type { Agent, RecallSettings } from '../../src/domain/agent.ts';
import type { InboundMessage } from '../../src/domain/conversation.ts';
import { formatMemories } from '../../src/domain/quotations.ts';
import type { Embedder } from '../../src/memory/embedding/embedder.ts';
import type { Conversation } from './dataset.ts';
import type { ReturnedItem } from './measure.ts';

/** The services of a replay, which runs the worker's own activities. */
export type Services = { pool: pg.Pool; operator: pg.Pool; redis: Redis; embedder: Embedder };

/** A conversation stored in memory, with its own tenant, agent and user. */
export type Replayed = {
  conversation: Conversation;
  agent: Agent;
  userId: string;
  /** The ids of the dataset's turns in each message, by exchange id. */
  turnIds: Map<string, { user: string[]; assistant: string[] }>;
};

/** Turns stored at the same time: the embedder's batch size. */
const AT_ONCE = 8;
const DAY_MS = 86_400_000;

/** Stores a conversation turn by turn, as workflow `EmbedAndStore` does. */
export async function replay(
  services: Services,
  conversation: Conversation,
  recall: Partial<RecallSettings> = {},
): Promise<Replayed> {
  const { storeTurn } = createStoreTurn(services);
  const { tenantId } = await createTenant(services.operator, `bench ${conversation.id}`);
  const agent = await inTenant(services.pool, tenantId, (client) =>
    createAgent(client, tenantId, randomUuid(), { name: conversation.agentName, recall }),
  );
  const replayed: Replayed = { conversation, agent, userId: 'bench', turnIds: new Map() };
  const waiting = conversation.exchanges.map((exchange, i) => ({ exchange, seq: i + 1 }));
  const storeNext = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const { exchange, seq } = next;
      const message = { ...messageTo(replayed, exchange.user.text, exchange.at), seq };
      replayed.turnIds.set(message.messageId, {
        user: exchange.user.turnIds,
        assistant: exchange.reply.turnIds,
      });
      const repliedAt = new Date(exchange.at.getTime() + 1_000).toISOString();
      await storeTurn({ message, reply: exchange.reply.text, repliedAt, embedding: null, appendOwed: false });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, storeNext));
  return replayed;
}

/**
 * Asks a question in a replayed conversation's scope with the worker's `gatherContext`, a day after its end.
 */
export async function ask(
  services: Services,
  replayed: Replayed,
  question: string,
  topK: number,
): Promise<{ returned: ReturnedItem[]; searchMs: number }> {
  const { agent, conversation } = replayed;
  const last = conversation.exchanges.at(-1)?.at ?? new Date(0);
  const message = messageTo(replayed, question, new Date(last.getTime() + DAY_MS));
  const { recalled, missing, timingsMs } = await createGatherContext(services).gatherContext({
    message,
    recall: { ...agent.recall, topK },
    agentName: agent.name,
  });
  if (missing.length > 0) throw new Error(`a question could not be answered: ${missing.join(', ')} failed`);
  const items = Map.groupBy(recalled, ({ rank, beside }) => rank ?? beside ?? 0);
  return {
    returned: [...items.values()].map((memories) => ({
      turn_ids: memories.flatMap(({ exchangeId, role }) => replayed.turnIds.get(exchangeId)?.[role] ?? []),
      text: formatMemories(memories, { user: conversation.userName, agent: agent.name }).join('\n'),
    })),
    searchMs: timingsMs.recall,
  };
}

function messageTo({ conversation, agent, userId }: Replayed, text: string, at: Date): InboundMessage {
  return {
    tenantId: agent.tenantId,
    agentId: agent.id,
    userId,
    ...(conversation.userName !== undefined && { userName: conversation.userName }),
    messageId: randomUuid(),
    channel: { name: 'http' },
    text,
    receivedAt: at.toISOString(),
    seq: 1,
    turnsAhead: 0,
  };
}
