/** The Home tab of one person, and what they do there. Nobody else's memory is ever read for it. */
import type { WebClient } from '@slack/web-api';
import { findAgent } from '../../../db/agents.ts';
import type { Scope } from '../../../domain/conversation.ts';
import { listMemories, type StoredMemory } from '../../../memory/long-term/memories.ts';
import { exportMemory } from '../../../memory/transfer/export-memory.ts';
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

/** Somebody who looks at the Home tab. */
export type Visitor = {
  client: WebClient;
  scope: Scope;
  /** Slack's id of them. */
  user: string;
  /** Their conversation with the agent, where it is known. */
  directChannel: string | undefined;
};

/** Shows the tab. What is being forgotten is left out before it is gone. */
export async function publishHome(
  { pool, search }: Pick<InboundContext, 'pool' | 'search'>,
  visitor: Visitor,
  how: { query?: string; note?: string; without?: ReadonlySet<string> | 'all' } = {},
): Promise<void> {
  const { client, scope, user, directChannel } = visitor;
  const { query, note, without = new Set() } = how;
  const agent = await findAgent(pool, scope.tenantId, scope.agentId);
  if (!agent) return;
  const find = async () =>
    query !== undefined && search
      ? search({ agent, userId: scope.userId, query }, AbortSignal.timeout(SEARCHED_WITHIN_MS))
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

/**
 * Sends a person their memory as a file, into their own conversation with the agent. False when it is too
 * long.
 */
export async function sendExport(
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
  });
  const parts: string[] = [];
  let bytes = 0;
  for await (const line of lines) {
    bytes += Buffer.byteLength(line);
    if (bytes > MAX_EXPORT_BYTES) return false;
    parts.push(line);
  }
  await client.files.uploadV2({
    channel_id: directChannel,
    filename: 'memory.ndjson',
    title: 'What I remember of you',
    file: Buffer.from(parts.join('')),
  });
  return true;
}
