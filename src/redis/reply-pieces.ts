/**
 * A reply while it grows, on its way from the worker that asks the model to an API that shows it: a Redis
 * stream for each message. It is a picture of what is being written and nobody's proof: what was said, the
 * turn's result alone decides. So whatever is lost here is made good there.
 */
import { v4 as randomUuid } from 'uuid';
import type { RedisClient } from './connection.ts';
import { replyPiecesKey } from './keys.ts';

/** The turn whose reply it is. */
export type ReplyOf = { tenantId: string; messageId: string };

/** `text` stands at `at` in what an attempt at the reply has written, in UTF-16 units. */
export type ReplyPiece = { attempt: string; at: number; text: string };

/** Longer than a model may be silent. */
const GROWING_KEPT_MS = 6 * 60_000;
/** When the attempt has its reply: from then on readers get it from the turn. */
const WHOLE_KEPT_MS = 10_000;
/** Pieces that one command reads. */
const AT_ONCE = 500;
/** Of more pieces one is made: whoever begins to follow reads all, and each costs as much as a kilobyte. */
const MOST_PIECES = 64;

/** What one attempt writes. Every method rejects when Redis is away, and is safe to repeat. */
export type ReplyWriter = {
  /**
   * From here on nothing else is there but this attempt's: one before it that still writes is not heard.
   * False when a later one has begun.
   */
  begin(): Promise<boolean>;
  /** Adds what is new; begins first. False when another attempt has begun since. */
  grow(textSoFar: string): Promise<boolean>;
  /** The attempt has its reply. */
  end(): Promise<void>;
};

/** Makes the writer of one attempt. `scheduledAt` (epoch ms) says which attempt is the later one. */
export function createReplyWriter(
  redis: RedisClient,
  of: ReplyOf,
  { scheduledAt }: { scheduledAt: number },
): ReplyWriter {
  const key = replyPiecesKey(of.tenantId, of.messageId);
  const own = randomUuid();
  let written: string | undefined;
  let restarts = 0;
  const name = (): string => `${scheduledAt}-${own}-${restarts}`;
  const add = (at: number, text: string, keptMs: number) =>
    redis.eval(ADD, 1, key, name(), at, at + text.length, text, keptMs, MOST_PIECES);

  const begin = async (): Promise<boolean> => {
    if ((await redis.eval(BEGIN, 1, key, name(), scheduledAt, GROWING_KEPT_MS)) !== 1) return false;
    written = '';
    return true;
  };
  return {
    begin,
    async grow(textSoFar) {
      if (written !== undefined && !textSoFar.startsWith(written)) {
        restarts += 1;
        written = undefined;
      }
      if (written === undefined && !(await begin())) return false;
      const before = written ?? '';
      const text = wholeCharacters(textSoFar.slice(before.length));
      if (text === '') return true;
      try {
        if ((await add(before.length, text, GROWING_KEPT_MS)) !== 1) return false;
      } catch (error) {
        // It may be there all the same: what lies upon it could not become one piece.
        written = undefined;
        throw error;
      }
      written = before + text;
      return true;
    },
    async end() {
      if (written !== undefined) await add(written.length, '', WHOLE_KEPT_MS);
    },
  };
}

/** Half a surrogate pair can't be written as UTF-8: it waits for its other half. */
function wholeCharacters(text: string): string {
  const last = text.charCodeAt(text.length - 1);
  return last >= 0xd800 && last < 0xdc00 ? text.slice(0, -1) : text;
}

/** The pieces after the place `after` (`0`: all), and the place of the last. */
export async function readReplyPieces(
  redis: RedisClient,
  { tenantId, messageId }: ReplyOf,
  after: string,
): Promise<{ pieces: ReplyPiece[]; last: string }> {
  const pieces: ReplyPiece[] = [];
  let last = after;
  for (;;) {
    const key = replyPiecesKey(tenantId, messageId);
    const [stream] = (await redis.xread('COUNT', AT_ONCE, 'STREAMS', key, last)) ?? [];
    const entries = stream?.[1] ?? [];
    for (const [id, [, attempt = '', , at = '', , , , text = '']] of entries) {
      pieces.push({ attempt, at: Number(at), text });
      last = id;
    }
    if (entries.length < AT_ONCE) return { pieces, last };
  }
}

/** Removes what is there of these replies. Gives the number of keys. Safe to repeat. */
export async function forgetReplyPieces(
  redis: RedisClient,
  tenantId: string,
  messageIds: readonly string[],
): Promise<number> {
  // One by one: in a cluster the keys of one command must be of one slot.
  const removed = await Promise.all(messageIds.map((id) => redis.del(replyPiecesKey(tenantId, id))));
  return removed.reduce((sum, n) => sum + n, 0);
}

/*
 * KEYS[1] the stream · ARGV: 1 attempt, 2 when it was scheduled, 3 ms to keep the stream. The new entry is
 * the only one then, and its id is later than any before.
 */
const BEGIN = `
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
if last and tonumber(string.match(last[2][2], '^%d+')) > tonumber(ARGV[2]) then return 0 end
redis.call('XADD', KEYS[1], 'MAXLEN', '=', 1, '*', 'attempt', ARGV[1], 'at', 0, 'end', 0, 'text', '')
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
`;

/*
 * KEYS[1] the stream · ARGV: 1 attempt, 2 where the text stands, 3 where it ends, 4 the text, 5 ms to keep
 * it, 6 the most pieces. Nothing is added when the last entry is another attempt's, or doesn't end where this
 * text begins; a text that is there already counts as added. When there are too many, the new entry is the
 * only one and has all the text, unless some pieces lie upon each other.
 */
const ADD = `
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
if not last or last[2][2] ~= ARGV[1] then return 0 end
local ends = tonumber(last[2][6])
if ends < tonumber(ARGV[2]) then return 0 end
if ends < tonumber(ARGV[3]) then
  local at, text, most = ARGV[2], ARGV[4], 2 ^ 31
  if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[6]) then
    local texts, reached = {}, '0'
    for _, entry in ipairs(redis.call('XRANGE', KEYS[1], '-', '+')) do
      if entry[2][4] ~= reached then reached = nil break end
      texts[#texts + 1] = entry[2][8]
      reached = entry[2][6]
    end
    if reached == at then
      texts[#texts + 1] = text
      at, text, most = 0, table.concat(texts), 1
    end
  end
  redis.call('XADD', KEYS[1], 'MAXLEN', '=', most, '*', 'attempt', ARGV[1], 'at', at, 'end', ARGV[3], 'text', text)
end
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return 1
`;
