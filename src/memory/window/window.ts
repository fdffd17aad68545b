import type { RedisClient } from '../../redis/connection.ts';
import { z } from 'zod';
import type { ConversationMessage, Role, Scope, WindowMessage } from '../../domain/conversation.ts';
import { memoryShortKey } from '../../redis/keys.ts';
import { dropLateTurn, dropTurn, isKeptOut } from './erase-window.ts';
import { noteWritten, sizeIn, writeOrGiveWay } from './window-sizes.ts';

/** Number of messages in a full window. */
export const WINDOW_SIZE = 20;

const windowEntry = z.object({
  role: z.enum(['user', 'assistant']),
  content: z.string(),
  messageId: z.string().optional(),
});

const numberedEntry = z.object({ seq: z.number().optional() });

/**
 * The last `n` messages of a scope, oldest first; `[]` for an unknown scope. Only these cross the network.
 * Throws on an entry that is not a message, since a reply must not silently miss a part of the conversation.
 */
export async function getRecentMessages(
  redis: RedisClient,
  tenantId: string,
  agentId: string,
  userId: string,
  n: number = WINDOW_SIZE,
): Promise<ConversationMessage[]> {
  const window = await getWindow(redis, { tenantId, agentId, userId }, n);
  return window.map(({ role, content }) => ({ role, content }));
}

/** Like `getRecentMessages`, with the message ids of the turns, so that recall can leave them out. */
export async function getWindow(
  redis: RedisClient,
  scope: Scope,
  n: number = WINDOW_SIZE,
): Promise<WindowMessage[]> {
  if (n <= 0) return [];
  const key = memoryShortKey(scope.tenantId, scope.agentId, scope.userId);
  return (await redis.lrange(key, -n, -1)).map(readEntry);
}

/**
 * The newest messages of a window, oldest first: up to the one that brings their entries to `maxBytes`. No
 * more than these cross the network, whatever else stands there.
 */
export async function getNewest(
  redis: RedisClient,
  { tenantId, agentId, userId }: Scope,
  maxBytes: number,
): Promise<ConversationMessage[]> {
  const key = memoryShortKey(tenantId, agentId, userId);
  const entries = entryList.parse(await redis.eval(NEWEST, 1, key, WINDOW_SIZE, maxBytes));
  return entries.map(readEntry).map(({ role, content }) => ({ role, content }));
}

const entryList = z.array(z.string());

const NEWEST = `
local entries = redis.call('LRANGE', KEYS[1], -tonumber(ARGV[1]), -1)
local left, first = tonumber(ARGV[2]), #entries + 1
while first > 1 and left > 0 do
  first = first - 1
  left = left - #entries[first]
end
return {unpack(entries, first)}
`;

/** An entry of a window. Throws when it is no message. */
export function readEntry(entry: string): WindowMessage {
  return windowEntry.parse(JSON.parse(entry));
}

/** The sequence number of the newest turn in a scope's window; undefined when there is none. */
export async function newestSeq(redis: RedisClient, scope: Scope): Promise<number | undefined> {
  const entry = await redis.lindex(memoryShortKey(scope.tenantId, scope.agentId, scope.userId), -1);
  return entry === null ? undefined : numberedEntry.parse(JSON.parse(entry)).seq;
}

/** Appends one message and trims the list to its newest `window` messages, in one transaction. */
export async function appendMessage(
  redis: RedisClient,
  tenantId: string,
  agentId: string,
  userId: string,
  role: Role,
  content: string,
  window: number = WINDOW_SIZE,
): Promise<void> {
  const key = memoryShortKey(tenantId, agentId, userId);
  const results = await redis
    .multi()
    .rpush(key, JSON.stringify({ role, content }))
    .ltrim(key, -window, -1)
    .exec();
  for (const [error] of results ?? []) if (error) throw error;
}

/** A finished turn, as it is stored in the window. */
export type WindowTurn = { seq: number; messageId: string; userText: string; replyText: string };

/**
 * Inserts a turn's two messages at the position of their sequence number, and trims the window. Atomic and
 * idempotent: a turn is never written twice, and a turn older than a full window is not inserted, since it
 * would be trimmed at once. A provisional append (`isFinal: false`) never overwrites an existing turn; a
 * final one does. The script uses one key, so it also runs on a Redis Cluster. Resolves to whether the window
 * now has the turn with this reply. A turn that is forgotten is not written; one that is forgotten at this
 * very moment is taken out again.
 * @param options.atMost bytes that all windows of the tenant may take, see `noteWritten`
 */
export async function appendTurn(
  redis: RedisClient,
  scope: Scope,
  turn: WindowTurn,
  { isFinal = true, atMost = Number.MAX_SAFE_INTEGER }: { isFinal?: boolean; atMost?: number } = {},
): Promise<boolean> {
  // An append whose answer was lost may have come after all: then it is taken out here.
  if (await dropLateTurn(redis, scope, turn)) return false;
  const entry = (role: Role, content: string) =>
    JSON.stringify({ role, content, seq: turn.seq, messageId: turn.messageId });
  const appended = await writeOrGiveWay(redis, scope, atMost, () =>
    redis.eval(
      APPEND_TURN,
      1,
      memoryShortKey(scope.tenantId, scope.agentId, scope.userId),
      WINDOW_SIZE,
      turn.seq,
      entry('user', turn.userText),
      entry('assistant', turn.replyText),
      isFinal ? 1 : 0,
    ),
  );
  const [inWindow, bytes, at] = appendAnswer.parse(appended);
  if (inWindow === 0) return false;
  const [isForgotten] = await Promise.all([
    isKeptOut(redis, scope, turn),
    noteWritten(redis, scope, { bytes, at }, atMost),
  ]);
  // After the size is noted: what goes is measured anew.
  if (isForgotten) await dropTurn(redis, scope, turn);
  return !isForgotten;
}

const appendAnswer = z.tuple([z.number(), z.number(), z.number()]);

/*
 * KEYS[1] the window · ARGV: 1 size, 2 seq, 3 user entry, 4 assistant entry, 5 '1' when the reply is final.
 * A turn in the window is two entries, the second of which is the reply; only that one can change.
 * Entries without a seq (written by appendMessage or by another program) count as older than any turn.
 * Gives whether the window has the turn with this reply, and its size.
 */
const APPEND_TURN = `
local function seqOf(entry)
  local decoded, turn = pcall(cjson.decode, entry)
  return decoded and type(turn) == 'table' and tonumber(turn.seq) or 0
end
local entries = redis.call('LRANGE', KEYS[1], 0, -1)
local function answer(inWindow) return { inWindow, ${sizeIn('entries')} } end
local size, seq = tonumber(ARGV[1]), tonumber(ARGV[2])
local place, others = #entries, #entries
while place > 0 do
  local at = seqOf(entries[place])
  if at == seq then
    if entries[place] == ARGV[4] then return answer(1) end
    if ARGV[5] == '0' then return answer(0) end
    redis.call('LSET', KEYS[1], place - 1, ARGV[4])
    entries[place] = ARGV[4]
    return answer(1)
  end
  if at < seq then break end
  place = place - 1
end
if place == 0 and others >= size then return answer(0) end
table.insert(entries, place + 1, ARGV[3])
table.insert(entries, place + 2, ARGV[4])
if place == others then
  redis.call('RPUSH', KEYS[1], ARGV[3], ARGV[4])
else
  -- Before the others go: a full Redis refuses it.
  redis.call('RPUSH', KEYS[1], unpack(entries))
  redis.call('LTRIM', KEYS[1], others, -1)
end
redis.call('LTRIM', KEYS[1], -size, -1)
while #entries > size do table.remove(entries, 1) end
return answer(1)
`;
