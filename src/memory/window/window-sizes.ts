import { z } from 'zod';
import type { Scope } from '../../domain/conversation.ts';
import type { RedisClient } from '../../redis/connection.ts';
import { memoryShortKey, windowSizesKey } from '../../redis/keys.ts';

/** What Redis takes for a window beside its entries and its key's letters, which stand there twice. */
const BESIDE_BYTES = 300;
/** Of so many windows, chosen by chance, up to half go at once, those first that rested for longest. */
const COMPARED = 100;
/** Whoever writes waits for so long while others go; what is left of them goes with the next writes. */
const MAKES_ROOM_FOR_MS = 1_000;
/** A size changes while it is noted when another process writes at the same moment. */
const MOST_LOOKS = 5;

/** What a window takes: its entries' bytes, 0 when it is empty, and when, in microseconds of Redis. */
export type WindowSize = { bytes: number; at: number };

/**
 * Lua that gives a `WindowSize` of these entries, as two numbers.
 * @param entries an expression, a list of texts
 */
export const sizeIn = (entries: string): string => `(function(entries)
  local bytes, time = 0, redis.call('TIME')
  for _, entry in ipairs(entries) do bytes = bytes + #entry end
  return bytes, tonumber(time[1]) * 1000000 + tonumber(time[2])
end)(${entries})`;

/**
 * Writes to a scope's window. Where Redis is full, windows of the tenant beyond its share go: the write may
 * be tried again then.
 * @param atMost bytes that the windows of the tenant may take
 */
export async function writeOrGiveWay<T>(
  redis: RedisClient,
  scope: Scope,
  atMost: number,
  write: () => Promise<T>,
): Promise<T> {
  try {
    return await write();
  } catch (error) {
    // What the write has to say counts.
    if (isFull(error)) await noteSize(redis, scope, atMost).catch(() => undefined);
    throw error;
  }
}

const isFull = (error: unknown): boolean => Error.isError(error) && /\bOOM\b/.test(error.message);

/**
 * Notes what a scope's window took when it was written. A newer size stays.
 * @param atMost bytes that the windows of the tenant may take. Beyond that windows that nobody has written to
 * for long go, those of this tenant alone: what was said there is still recalled.
 */
export async function noteWritten(
  redis: RedisClient,
  scope: Scope,
  size: WindowSize,
  atMost: number,
): Promise<void> {
  const own = nameOf(scope);
  await makeRoom(redis, scope, atMost, await note(redis, scope, atMost, [[own, size]]));
}

/**
 * Measures a scope's window and notes what it takes, after whatever has changed it. Safe to repeat: one that
 * could not be noted is right again with the next.
 * @param atMost see `noteWritten`; left out after something was taken out
 */
export async function noteSize(
  redis: RedisClient,
  scope: Scope,
  atMost = Number.MAX_SAFE_INTEGER,
): Promise<void> {
  await makeRoom(redis, scope, atMost, await noteMeasured(redis, scope, atMost, [nameOf(scope)]));
}

/** Takes the windows that have to go away. */
async function makeRoom(redis: RedisClient, scope: Scope, atMost: number, first: string[]): Promise<void> {
  const until = performance.now() + MAKES_ROOM_FOR_MS;
  let going = first;
  while (going.length > 0 && performance.now() < until) {
    await Promise.all(going.map((window) => redis.unlink(keyOf(scope.tenantId, window))));
    going = await noteMeasured(redis, scope, atMost, going);
  }
}

/** Gives the windows that have to go. Whoever notes looks after it: what is gone by then leaves no size. */
async function noteMeasured(
  redis: RedisClient,
  scope: Scope,
  atMost: number,
  windows: readonly string[],
): Promise<string[]> {
  const measureAll = () =>
    Promise.all(
      windows.map(async (window) => [window, await measure(redis, keyOf(scope.tenantId, window))] as const),
    );
  let sizes = await measureAll();
  for (let look = 1; ; look += 1) {
    const going = await note(redis, scope, atMost, sizes);
    const before = new Map(sizes);
    sizes = await measureAll();
    const isSame = sizes.every(([window, { bytes }]) => bytes === before.get(window)?.bytes);
    if (isSame || look === MOST_LOOKS) return going;
  }
}

/** Gives the windows that have to go. */
async function note(
  redis: RedisClient,
  scope: Scope,
  atMost: number,
  sizes: ReadonlyArray<readonly [window: string, size: WindowSize]>,
): Promise<string[]> {
  const { tenantId } = scope;
  const noted = sizes.flatMap(([window, { bytes, at }]) => {
    const beside = BESIDE_BYTES + 2 * Buffer.byteLength(keyOf(tenantId, window));
    return [window, bytes === 0 ? 0 : bytes + beside, at];
  });
  const going = await redis.eval(
    NOTE,
    1,
    windowSizesKey(tenantId),
    atMost,
    COMPARED,
    nameOf(scope),
    ...noted,
  );
  return z.array(z.string()).parse(going);
}

async function measure(redis: RedisClient, key: string): Promise<WindowSize> {
  const [bytes, at] = z.tuple([z.number(), z.number()]).parse(await redis.eval(MEASURE, 1, key));
  return { bytes, at };
}

/** The name of a window among the sizes, which the key is made of. */
const nameOf = ({ agentId, userId }: Scope): string => `${agentId}:${userId}`;

function keyOf(tenantId: string, window: string): string {
  const [agentId = '', ...userId] = window.split(':');
  return memoryShortKey(tenantId, agentId, userId.join(':'));
}

/** Lua that a script on a hash begins with: a full Redis refuses one whose first write takes room. */
export const TAKES_NO_ROOM = `redis.call('HDEL', KEYS[1], '')`;

/* KEYS[1] a window. */
const MEASURE = `return { ${sizeIn("redis.call('LRANGE', KEYS[1], 0, -1)")} }`;

/*
 * KEYS[1] the sizes · ARGV: 1 bytes of all at most, 2 how many are compared, 3 the window that stays, then
 * windows, their bytes, and when they had these. The field 'all' is the sum of the others, each of which is
 * 'bytes microseconds'. Gives the windows that have to go, if some have to.
 */
const NOTE = `
${TAKES_NO_ROOM}
local function read(noted)
  local bytes, at = string.match(noted or '', '^(%d+) (%d+)$')
  return tonumber(bytes or '0'), tonumber(at or '0')
end
local change = 0
for i = 4, #ARGV, 3 do
  local before, at = read(redis.call('HGET', KEYS[1], ARGV[i]))
  if at <= tonumber(ARGV[i + 2]) then
    change = change + tonumber(ARGV[i + 1]) - before
    if ARGV[i + 1] == '0' then
      redis.call('HDEL', KEYS[1], ARGV[i])
    else
      redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1] .. ' ' .. ARGV[i + 2])
    end
  end
end
local all = redis.call('HINCRBY', KEYS[1], 'all', string.format('%d', change))
if redis.call('HLEN', KEYS[1]) == 1 then redis.call('DEL', KEYS[1]) end
local over = all - tonumber(ARGV[1])
if over <= 0 then return {} end
local some, found = redis.call('HRANDFIELD', KEYS[1], ARGV[2], 'WITHVALUES'), {}
for i = 1, #some, 2 do
  local bytes, at = read(some[i + 1])
  if at > 0 and some[i] ~= ARGV[3] then table.insert(found, { window = some[i], bytes = bytes, at = at }) end
end
table.sort(found, function(one, other) return one.at < other.at end)
local going = {}
for nth, one in ipairs(found) do
  if over <= 0 or nth > math.ceil(tonumber(ARGV[2]) / 2) then break end
  over = over - one.bytes
  table.insert(going, one.window)
end
return going
`;
