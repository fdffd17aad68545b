import type { Scope } from '../../domain/conversation.ts';
import type { RedisClient } from '../../redis/connection.ts';
import { memoryShortKey, windowSizesKey } from '../../redis/keys.ts';

/** What a window takes beside its entries: its key, and its place among the sizes. */
const BESIDE_ENTRIES_BYTES = 300;
/** Of so many windows, chosen by chance, the one that nobody has written to for longest goes. */
const COMPARED = 10;
/**
 * Windows that go for one that grows. A turn brings 400 kB at most, so as many of the smallest go as it has
 * bytes; what an import brings beyond that goes with the next writes.
 */
const GO_AT_ONCE = 1_500;

/**
 * Notes what a scope's window takes now, after whatever has changed it. Safe to repeat: sizes are counted
 * anew each time, so one that could not be noted is right again with the next.
 * @param atMost bytes that the windows of the tenant may take. Beyond that windows that nobody has written to
 * for long go, those of this tenant alone: what was said there is still recalled. Left out after something
 * was taken out of a window.
 */
export async function noteSize(
  redis: RedisClient,
  scope: Scope,
  atMost = Number.MAX_SAFE_INTEGER,
): Promise<void> {
  const { tenantId } = scope;
  const note = (window: string, bytes: number): Promise<unknown> =>
    redis.eval(NOTE, 1, windowSizesKey(tenantId), window, bytes, Date.now(), atMost, COMPARED);
  const bytes = Number(await redis.eval(MEASURE, 1, keyOf(scope), BESIDE_ENTRIES_BYTES));
  let goes = await note(`${scope.agentId}:${scope.userId}`, bytes);
  for (let gone = 0; typeof goes === 'string' && gone < GO_AT_ONCE; gone += 1) {
    const [agentId = '', ...userId] = goes.split(':');
    await redis.unlink(keyOf({ tenantId, agentId, userId: userId.join(':') }));
    goes = await note(goes, 0);
  }
}

const keyOf = ({ tenantId, agentId, userId }: Scope) => memoryShortKey(tenantId, agentId, userId);

/* KEYS[1] a window · ARGV: 1 bytes beside its entries. Gives its bytes, 0 when it is empty. */
const MEASURE = `
local entries = redis.call('LRANGE', KEYS[1], 0, -1)
if #entries == 0 then return 0 end
local bytes = tonumber(ARGV[1])
for _, entry in ipairs(entries) do bytes = bytes + #entry end
return bytes
`;

/*
 * KEYS[1] the sizes · ARGV: 1 a window, 2 its bytes, 3 the time, 4 bytes of all at most, 5 how many are
 * compared. The field 'all' is the sum of the others, each of which is 'bytes time'. Gives the window that
 * has to go, if one has to.
 */
const NOTE = `
local bytes = tonumber(ARGV[2])
local before = redis.call('HGET', KEYS[1], ARGV[1])
local change = bytes - tonumber(before and string.match(before, '^%d+') or '0')
-- First: where Redis is full, this is refused, and the sum still stands.
local all = redis.call('HINCRBY', KEYS[1], 'all', string.format('%d', change))
if bytes == 0 then
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ' ' .. ARGV[3])
end
if redis.call('HLEN', KEYS[1]) == 1 then redis.call('DEL', KEYS[1]) end
if all <= tonumber(ARGV[4]) then return false end
local some, oldest, goes = redis.call('HRANDFIELD', KEYS[1], ARGV[5], 'WITHVALUES'), math.huge, false
for i = 1, #some, 2 do
  local at = tonumber(string.match(some[i + 1], ' (%d+)$') or '')
  if at and at < oldest and some[i] ~= ARGV[1] then oldest, goes = at, some[i] end
end
return goes
`;
