/** The Home tab of one person, and what they do there. Nobody else's memory is ever read for it. */
import type { WebClient } from '@slack/web-api';
import { findAgent } from '../../../db/agents.ts';
import type { Scope } from '../../../domain/conversation.ts';
import { createFairPlaces } from '../../../lib/fair-places.ts';
import { listMemories, type StoredMemory } from '../../../memory/long-term/memories.ts';
import { exportMemory, noteExport } from '../../../memory/transfer/export-memory.ts';
import { getWindow } from '../../../memory/window/window.ts';
import type { InboundContext } from '../../channel.ts';
import { homeView, type HomeMemory } from './home-view.ts';

const SHOWN = 10;
/** An exchange is two messages; some are of one. */
const READ = 2 * SHOWN + 2;
/** Nobody waits longer for what they search for. */
const SEARCHED_WITHIN_MS = 10_000;
/** A longer file is for an application, by its key. */
const MAX_EXPORT_BYTES = 20_000_000;
/** Of a tenant that is alone in a process; each file is held whole until Slack has it. */
const PAGES_AT_ONCE = 4;
const EXPORTS_AT_ONCE = 2;
/** Who has clicked meanwhile has clicked again. */
const TURN_WITHIN_MS = 30_000;

/** Somebody who looks at the Home tab. */
export type Visitor = {
  client: WebClient;
  scope: Scope;
  /** Slack's id of them. */
  user: string;
  /** Their conversation with the agent, where it is known. */
  directChannel: string | undefined;
};

type Shown = { query?: string; note?: string; without?: ReadonlySet<string> | 'all' };

/** What people are given. Each tenant's wait for one another, and not for another tenant's. */
export type Home = {
  /** Shows the tab. What is being forgotten is left out before it is gone. */
  show(visitor: Visitor, how?: Shown): Promise<void>;
  /**
   * Sends a person their memory as a file, into their own conversation with the agent. False when it is too
   * long.
   */
  sendExport(visitor: Visitor, directChannel: string): Promise<boolean>;
};

export function createHome(context: Pick<InboundContext, 'pool' | 'redis' | 'search'>): Home {
  const pages = createFairPlaces(PAGES_AT_ONCE);
  const files = createFairPlaces(EXPORTS_AT_ONCE);
  const inTime = (): AbortSignal => AbortSignal.timeout(TURN_WITHIN_MS);
  return {
    show: (visitor, how = {}) => pages(visitor.scope, inTime(), () => publishHome(context, visitor, how)),
    sendExport: (visitor, directChannel) =>
      files(visitor.scope, inTime(), () => sendExport(context, visitor, directChannel)),
  };
}

async function publishHome(
  { pool, search }: Pick<InboundContext, 'pool' | 'search'>,
  visitor: Visitor,
  how: Shown,
): Promise<void> {
  const { client, scope, user, directChannel } = visitor;
  const { query, note, without = new Set() } = how;
  const agent = await findAgent(pool, scope.tenantId, scope.agentId);
  if (!agent) return;
  const find = async () =>
    query !== undefined && search
      ? (await search({ agent, userId: scope.userId, query }, AbortSignal.timeout(SEARCHED_WITHIN_MS)))
          .memories
      : listMemories(pool, scope, { limit: READ });
  const memories =
    without === 'all' ? [] : exchangesOf(await find()).filter(({ exchangeId }) => !without.has(exchangeId));
  const canSearch = search !== undefined;
  await client.views.publish({
    user_id: user,
    view: homeView({ agent, memories: memories.slice(0, SHOWN), query, note, directChannel, canSearch }),
  });
}

/** Messages by exchange, newest exchange first. */
function exchangesOf(
  messages: ReadonlyArray<Pick<StoredMemory, 'exchangeId' | 'role' | 'content' | 'createdAt'>>,
): HomeMemory[] {
  const exchanges = new Map<string, HomeMemory>();
  for (const { exchangeId, role, content, createdAt } of messages) {
    const day = createdAt.slice(0, 10);
    const known = exchanges.get(exchangeId) ?? { exchangeId, day, user: '', reply: '' };
    exchanges.set(exchangeId, role === 'user' ? { ...known, user: content } : { ...known, reply: content });
  }
  return [...exchanges.values()];
}

async function sendExport(
  { pool, redis }: Pick<InboundContext, 'pool' | 'redis'>,
  { client, scope }: Visitor,
  directChannel: string,
): Promise<boolean> {
  const window = await getWindow(redis, scope);
  const lines = exportMemory(pool, scope, {
    window,
    embeddings: false,
    after: undefined,
    toCursor: ({ createdAt, id }) => `${createdAt} ${id}`,
    // One file holds all of it, or none is sent: nobody could ask for its next part here.
    partBytes: Infinity,
  });
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const line of lines) {
    const part = Buffer.from(line);
    bytes += part.length;
    if (bytes > MAX_EXPORT_BYTES) return false;
    parts.push(part);
  }
  await noteExport(pool, scope, { type: 'slack-user', userId: scope.userId });
  await client.files.uploadV2({
    channel_id: directChannel,
    filename: 'memory.ndjson',
    title: 'What I remember of you',
    file: Buffer.concat(parts),
  });
  return true;
}
