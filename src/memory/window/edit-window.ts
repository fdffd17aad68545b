/** What happens to a window outside turns. */
import type { Scope, WindowMessage } from '../../domain/conversation.ts';
import type { RedisClient } from '../../redis/connection.ts';
import { memoryShortKey } from '../../redis/keys.ts';
import { noteSize, writeOrGiveWay } from './window-sizes.ts';
import { readEntry } from './window.ts';

/**
 * Gives an empty window these messages. One that has any is left as it is: a conversation goes on in it.
 * @param atMost bytes that all windows of the tenant may take, see `noteWritten`
 */
export async function fillEmptyWindow(
  redis: RedisClient,
  scope: Scope,
  messages: readonly WindowMessage[],
  atMost: number,
): Promise<void> {
  if (messages.length === 0) return;
  const entries = messages.map((message) => JSON.stringify(message));
  const { tenantId, agentId, userId } = scope;
  await writeOrGiveWay(redis, scope, atMost, () =>
    redis.eval(FILL_EMPTY, 1, memoryShortKey(tenantId, agentId, userId), ...entries),
  );
  await noteSize(redis, scope, atMost);
}

const FILL_EMPTY = `
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
return redis.call('RPUSH', KEYS[1], unpack(ARGV))
`;

/**
 * Removes the messages of these turns from a window. Safe to repeat. All are asked for at once: this takes no
 * longer than five commands may (redis/connection.ts), or some more where others write to the window then. A
 * transaction that waits for it relies on that.
 */
export async function removeFromWindow(
  redis: RedisClient,
  { tenantId, agentId, userId }: Scope,
  messageIds: ReadonlySet<string>,
): Promise<void> {
  const key = memoryShortKey(tenantId, agentId, userId);
  const removed = (await redis.lrange(key, 0, -1)).filter((entry) => {
    const messageId = turnOf(entry);
    return messageId !== undefined && messageIds.has(messageId);
  });
  await Promise.all(removed.map((entry) => redis.lrem(key, 0, entry)));
  await noteSize(redis, { tenantId, agentId, userId });
}

/** The turn of an entry; undefined when it has none, or is no message: that hinders nothing here. */
function turnOf(entry: string): string | undefined {
  try {
    return readEntry(entry).messageId;
  } catch {
    return undefined;
  }
}
