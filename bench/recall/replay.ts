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
import type { Conversation, ReplayedMessage, Turn } from './dataset.ts';
import type { ReturnedItem } from './measure.ts';
import { enterRow } from './ledger-row.ts';

/** The services of a replay, which runs the worker's own activities. */
export type Services = { pool: pg.Pool; operator: pg.Pool; redis: Redis; embedder: Embedder };

/** A conversation stored in memory, with its own tenant, agent and user. */
export type Replayed = {
  conversation: Conversation;
  agent: Agent;
  userId: string;
  /** What was stored, by exchange id. */
  stored: Map<string, { user: ReplayedMessage; assistant: ReplayedMessage }>;
};

/** Turns stored at the same time: the embedder's batch size. */
const AT_ONCE = 8;
const DAY_MS = 86_400_000;
/** So much of a long turn says what it has to say, where it is the part that was looked for. */
const ENOUGH_LETTERS = 200;
/** Where a quotation leaves words out. */
const OMISSION = /^… | …$| … /u;

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
  const replayed: Replayed = { conversation, agent, userId: 'bench', stored: new Map() };
  const waiting = conversation.exchanges.map((exchange, i) => ({ exchange, seq: i + 1 }));
  const storeNext = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const { exchange, seq } = next;
      const message = { ...messageTo(replayed, exchange.user.text, exchange.at), seq };
      replayed.stored.set(message.messageId, { user: exchange.user, assistant: exchange.reply });
      const repliedAt = new Date(exchange.at.getTime() + 1_000).toISOString();
      await enterRow(services.pool, message);
      await storeTurn({ message, reply: exchange.reply.text, repliedAt, embedding: null, appendOwed: false });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, storeNext));
  return replayed;
}

/**
 * Asks a question in a replayed conversation's scope with the worker's `gatherContext`.
 */
export async function ask(
  services: Services,
  replayed: Replayed,
  question: string,
): Promise<{ returned: ReturnedItem[]; searchMs: number }> {
  const { agent, conversation } = replayed;
  const message = questionTo(replayed, question);
  const { recalled, missing, timingsMs } = await createGatherContext(services).gatherContext({
    message,
    recall: agent.recall,
    agentName: agent.name,
  });
  if (missing.length > 0) throw new Error(`a question could not be answered: ${missing.join(', ')} failed`);
  const items = Map.groupBy(recalled, ({ rank, beside }) => rank ?? beside ?? 0);
  return {
    returned: [...items.values()].map((memories) => ({
      turn_ids: memories.flatMap(({ exchangeId, role, content }) => {
        const message = replayed.stored.get(exchangeId)?.[role];
        return message ? quotedTurns(message, content) : [];
      }),
      text: formatMemories(memories, { user: conversation.userName, agent: agent.name }).join('\n'),
    })),
    searchMs: timingsMs.recall,
  };
}

/** A question to a replayed conversation, a day after its end. */
export function questionTo(replayed: Replayed, text: string): InboundMessage {
  const last = replayed.conversation.exchanges.at(-1)?.at ?? new Date(0);
  return messageTo(replayed, text, new Date(last.getTime() + DAY_MS));
}

/** The turns of a message that a quotation of it has, see `turnsWithin`. */
export function quotedTurns(message: ReplayedMessage, quoted: string): string[] {
  const parts = quoted.split(OMISSION).flatMap((part) => {
    const from = message.text.indexOf(part);
    return part === '' || from < 0 ? [] : [{ from, to: from + part.length }];
  });
  return turnsWithin(message, parts);
}

/** The turns of which these parts of a message have at least half, or a good part of a long one. */
export function turnsWithin({ turns }: ReplayedMessage, parts: ReadonlyArray<Omit<Turn, 'id'>>): string[] {
  const isWithin = (turn: Turn): boolean => {
    const common = parts.map(({ from, to }) => Math.min(to, turn.to) - Math.max(from, turn.from));
    // A turn without a text, such as a picture, belongs to where it stands.
    if (turn.to === turn.from) return common.some((length) => length === 0);
    const letters = common.reduce((sum, length) => sum + Math.max(length, 0), 0);
    return letters * 2 >= turn.to - turn.from || letters >= ENOUGH_LETTERS;
  };
  return turns.filter(isWithin).map(({ id }) => id);
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
