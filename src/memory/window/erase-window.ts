import type { Scope } from '../../domain/conversation.ts';
import { LATE_TURNS_KEPT_OUT_DAYS } from '../../domain/erasure.ts';
import type { RedisClient } from '../../redis/connection.ts';
import { memoryErasedKey, memoryShortKey } from '../../redis/keys.ts';
import { noteSize, TAKES_NO_ROOM } from './window-sizes.ts';

/**
 * Takes all that came before turn `seq` out of a scope's window, and keeps out what comes late. Gives the
 * number of messages. Safe to repeat; what later turns have said stays.
 * @param mayComeLate false where there was no turn before it: then nothing needs to be kept out
 */
export async function eraseWindow(
  redis: RedisClient,
  scope: Scope,
  seq: number,
  mayComeLate = true,
): Promise<number> {
  // First, so that a late append that this call misses finds it.
  if (mayComeLate) await redis.eval(KEEP_OUT, 1, keptOutKey(scope), BEFORE, seq, KEPT_SECONDS);
  else await keepLonger(redis, scope);
  return dropNoted(redis, scope, { before: seq });
}

/**
 * Takes one turn out of a scope's window, and keeps it out. Gives the number of messages. Safe to repeat.
 * @param mayComeLate false where there was no such turn
 */
export async function eraseFromWindow(
  redis: RedisClient,
  scope: Scope,
  messageId: string,
  mayComeLate = true,
): Promise<number> {
  if (mayComeLate) await redis.eval(KEEP_ONE_OUT, 1, keptOutKey(scope), messageId, KEPT_SECONDS);
  else await keepLonger(redis, scope);
  return dropNoted(redis, scope, { messageId });
}

/** A mark that was set before stays for as long from now on. */
async function keepLonger(redis: RedisClient, scope: Scope): Promise<void> {
  await redis.expire(keptOutKey(scope), KEPT_SECONDS);
}

type What = { before?: number; messageId?: string };

async function dropNoted(redis: RedisClient, scope: Scope, what: What): Promise<number> {
  const dropped = await dropMessages(redis, scope, what);
  await noteSize(redis, scope);
  return dropped;
}

const KEPT_SECONDS = LATE_TURNS_KEPT_OUT_DAYS * 24 * 60 * 60;

/** The field of the number; the others are the ids of single turns. */
const BEFORE = 'before';

type LateTurn = { seq: number; messageId: string };

/** Whether a turn is kept out of its scope's window, since it is forgotten. */
export async function isKeptOut(redis: RedisClient, scope: Scope, turn: LateTurn): Promise<boolean> {
  const [before, isErased] = await redis.hmget(keptOutKey(scope), BEFORE, turn.messageId);
  return turn.seq < Number(before ?? 0) || isErased === '1';
}

/**
 * Takes a turn that was just appended out again if it is forgotten, and says whether it is. A command of its
 * own, since the window's script may use one key alone: whatever is appended after the window was erased sees
 * what is kept out.
 */
export async function dropLateTurn(redis: RedisClient, scope: Scope, turn: LateTurn): Promise<boolean> {
  if (!(await isKeptOut(redis, scope, turn))) return false;
  await dropTurn(redis, scope, turn);
  return true;
}

/** Takes one turn out of a window. */
export async function dropTurn(redis: RedisClient, scope: Scope, { messageId }: LateTurn): Promise<void> {
  await dropNoted(redis, scope, { messageId });
}

const keptOutKey = ({ tenantId, agentId, userId }: Scope) => memoryErasedKey(tenantId, agentId, userId);

async function dropMessages(
  redis: RedisClient,
  { tenantId, agentId, userId }: Scope,
  { before = 0, messageId = '' }: What,
): Promise<number> {
  const key = memoryShortKey(tenantId, agentId, userId);
  return Number(await redis.eval(DROP, 1, key, before, messageId));
}

/*
 * KEYS[1] what is kept out · ARGV: 1 the field of the number before which all is, 2 another number, 3 seconds
 * to keep it. The number never falls.
 */
const KEEP_OUT = `
${TAKES_NO_ROOM}
local before = math.max(tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or '0'), tonumber(ARGV[2]))
redis.call('HSET', KEYS[1], ARGV[1], string.format('%d', before))
redis.call('EXPIRE', KEYS[1], ARGV[3])
`;

/* KEYS[1] what is kept out · ARGV: 1 the id of a turn, 2 seconds to keep it. */
const KEEP_ONE_OUT = `
${TAKES_NO_ROOM}
redis.call('HSET', KEYS[1], ARGV[1], '1')
redis.call('EXPIRE', KEYS[1], ARGV[2])
`;

/*
 * KEYS[1] the window · ARGV: 1 the number before which all goes, 2 the message that goes. Entries without a
 * number are older than any turn.
 */
const DROP = `
local dropped = 0
for _, entry in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do
  local decoded, turn = pcall(cjson.decode, entry)
  local isTurn = decoded and type(turn) == 'table'
  local seq = isTurn and tonumber(turn.seq) or 0
  local isGone = seq < tonumber(ARGV[1]) or (ARGV[2] ~= '' and isTurn and turn.messageId == ARGV[2])
  -- One by one: a full Redis takes no list of those that stay.
  if isGone then dropped = dropped + redis.call('LREM', KEYS[1], 1, entry) end
end
return dropped
`;
