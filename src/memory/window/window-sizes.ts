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

/**
 * Writes to a scope's window, and notes what it takes then.
 * @param atMost bytes that the windows of the tenant may take. Beyond that windows that nobody has written to
 * for long go, those of this tenant alone: what was said there is still recalled. Where Redis is full, those
 * that are beyond it go too, and the write may be tried again.
 */
export async function writeWithin<T>(
  redis: RedisClient,
  scope: Scope,
  atMost: number,
  write: () => Promise<T>,
): Promise<T> {
  try {
    const written = await write();
    await noteSize(redis, scope, atMost);
    return written;
  } catch (error) {
    // What the write has to say counts.
    if (isFull(error)) await noteSize(redis, scope, atMost).catch(() => undefined);
    throw error;
  }
}

const isFull = (error: unknown): boolean => Error.isError(error) && /\bOOM\b/.test(error.message);

/**
 * Notes what a scope's window takes now, after whatever has changed it. Safe to repeat: it is counted anew
 * each time, so one that could not be noted is right again with the next.
 * @param atMost see `writeWithin`; left out after something was taken out
 */
export async function noteSize(
  redis: RedisClient,
  scope: Scope,
  atMost = Number.MAX_SAFE_INTEGER,
): Promise<void> {
  const { tenantId, agentId, userId } = scope;
  const own = `${agentId}:${userId}`;
  const measureAll = (windows: readonly string[]): Promise<number[]> =>
    Promise.all(windows.map((window) => measure(redis, tenantId, window)));
  /** Whoever notes last looks after that: so the last size that is noted is the window's. */
  const note = async (windows: readonly string[]): Promise<string[]> => {
    let sizes = await measureAll(windows);
    for (let look = 1; ; look += 1) {
      const noted = windows.flatMap((window, nth) => [window, sizes[nth] ?? 0]);
      const going = await redis.eval(NOTE, 1, windowSizesKey(tenantId), atMost, COMPARED, own, ...noted);
      const before = sizes;
      sizes = await measureAll(windows);
      if (sizes.every((size, nth) => size === before[nth]) || look === MOST_LOOKS)
        return Array.isArray(going) ? going.map(String) : [];
    }
  };
  const until = performance.now() + MAKES_ROOM_FOR_MS;
  let going = await note([own]);
  while (going.length > 0 && performance.now() < until) {
    await Promise.all(going.map((window) => redis.unlink(keyOf(tenantId, window))));
    going = await note(going);
  }
}

/** The key of a window, by its name among the sizes. */
function keyOf(tenantId: string, window: string): string {
  const [agentId = '', ...userId] = window.split(':');
  return memoryShortKey(tenantId, agentId, userId.join(':'));
}

async function measure(redis: RedisClient, tenantId: string, window: string): Promise<number> {
  const key = keyOf(tenantId, window);
  return Number(await redis.eval(MEASURE, 1, key, BESIDE_BYTES + 2 * Buffer.byteLength(key)));
}

/* KEYS[1] a window · ARGV: 1 bytes beside its entries. Gives its bytes, 0 when it is empty. */
const MEASURE = `
local entries = redis.call('LRANGE', KEYS[1], 0, -1)
if #entries == 0 then return 0 end
local bytes = tonumber(ARGV[1])
for _, entry in ipairs(entries) do bytes = bytes + #entry end
return bytes
`;

/*
 * KEYS[1] the sizes · ARGV: 1 bytes of all at most, 2 how many are compared, 3 the window that stays, then
 * windows and their bytes. The field 'all' is the sum of the others, each of which is 'bytes milliseconds'.
 * Gives the windows that have to go, if some have to.
 */
const NOTE = `
-- A full Redis refuses a script whose first write takes room.
redis.call('HDEL', KEYS[1], '')
local function bytesOf(noted) return tonumber(noted and string.match(noted, '^%d+') or '0') end
local time = redis.call('TIME')
local now = string.format('%d', time[1] * 1000 + math.floor(time[2] / 1000))
local change = 0
for i = 4, #ARGV, 2 do
  change = change + tonumber(ARGV[i + 1]) - bytesOf(redis.call('HGET', KEYS[1], ARGV[i]))
  if ARGV[i + 1] == '0' then
    redis.call('HDEL', KEYS[1], ARGV[i])
  else
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1] .. ' ' .. now)
  end
end
local all = redis.call('HINCRBY', KEYS[1], 'all', string.format('%d', change))
if redis.call('HLEN', KEYS[1]) == 1 then redis.call('DEL', KEYS[1]) end
local over = all - tonumber(ARGV[1])
if over <= 0 then return {} end
local some, found = redis.call('HRANDFIELD', KEYS[1], ARGV[2], 'WITHVALUES'), {}
for i = 1, #some, 2 do
  local at = tonumber(string.match(some[i + 1], ' (%d+)$') or '')
  if at and some[i] ~= ARGV[3] then
    table.insert(found, { window = some[i], bytes = bytesOf(some[i + 1]), at = at })
  end
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
