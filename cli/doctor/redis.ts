import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import { redis as redisSubject } from '../../src/config/redis.ts';
import { parse } from '../../src/config/variables.ts';
import { checkRedis, createRedis, type RedisClient } from '../../src/redis/connection.ts';
import { memoryShortKey } from '../../src/redis/keys.ts';
import { clockFindings, doubt, fault, good, reasonOf, type Finding, type Patient } from './finding.ts';

const CONNECT_WITHIN_MS = 5_000;
const RETRY_MS = 100;
const OLDEST = 6;
const PROBE_TTL_SECONDS = 10;
/** The part of its memory that may be used: beyond it somebody has to look. */
const MOST_USED = 0.8;

export async function checkRedisServer({ env, now }: Patient): Promise<Finding[]> {
  const url = env['REDIS_URL'];
  if (!url) return [];
  let redis: RedisClient | undefined;
  try {
    redis = createRedis(parse({ redis: redisSubject }, env).redis.redisUrl, pino({ level: 'silent' }));
    await untilAnswering(redis);
    return [...(await serverFindings(redis)), ...(await clock(redis, now)), ...(await writeFindings(redis))];
  } catch (error) {
    // What lies behind it only says that there was no connection.
    return [unusable(Error.isError(error) ? error.message : String(error))];
  } finally {
    redis?.disconnect();
  }
}

/** A client connects by itself; until then its commands fail. */
async function untilAnswering(redis: RedisClient): Promise<void> {
  const deadline = Date.now() + CONNECT_WITHIN_MS;
  for (;;) {
    try {
      await checkRedis(redis);
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await delay(RETRY_MS);
    }
  }
}

function unusable(reason: string): Finding {
  const [, wrong, cure] = /^(REDIS_URL .*?): (begin it with .*)$/.exec(reason) ?? [];
  if (wrong && cure) return fault(wrong, cure);
  if (/WRONGPASS|NOAUTH/.test(reason))
    return fault(`Redis refuses the password: ${reason}`, 'correct user and password in REDIS_URL');
  return fault(`REDIS_URL leads nowhere: ${reason}`, 'start Redis, or correct REDIS_URL (rediss:// for TLS)');
}

async function serverFindings(redis: RedisClient): Promise<Finding[]> {
  const info = await redis.info().catch(() => undefined);
  if (info === undefined)
    return [doubt('the user of REDIS_URL may not ask how Redis is set up', 'ACL SETUSER … +info')];
  const of = (name: string): string => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? '';
  const version = of('valkey_version') || of('redis_version');
  const found: Finding[] = [
    Number(version.split('.')[0]) >= OLDEST
      ? good(`Redis ${version}`)
      : fault(`Redis ${version} is too old`, `move to Redis ${OLDEST} or newer, or to Valkey`),
  ];
  const policy = of('maxmemory_policy');
  if (policy !== '' && policy !== 'noeviction') {
    found.push(
      fault(
        `Redis throws windows away when it is full (maxmemory-policy ${policy})`,
        'CONFIG SET maxmemory-policy noeviction, and the same in its configuration',
      ),
    );
  }
  // Without a limit of its own it may take the machine's memory.
  const room = Number(of('maxmemory')) || Number(of('total_system_memory'));
  const used = Number(of('used_memory')) / room;
  if (room > 0 && used > MOST_USED) {
    found.push(
      fault(
        `Redis is ${Math.round(used * 100)}% full: then no window is written, and rate limits let everything through`,
        'give it more memory, and find who fills it (docs/SECURITY.md, “What a tenant can fill”)',
      ),
    );
  }
  if (of('role') === 'slave') {
    found.push(
      fault(
        'REDIS_URL leads to a replica, which takes no writes',
        'lead it to the master, or to its sentinels',
      ),
    );
  }
  if (of('aof_enabled') === '0') {
    found.push(
      doubt(
        'Redis keeps no append-only file: windows of the last minutes are gone when it ends',
        'CONFIG SET appendonly yes, and the same in its configuration',
      ),
    );
  }
  if (of('aof_last_write_status') === 'err' || of('rdb_last_bgsave_status') === 'err')
    found.push(fault('Redis can’t write to its disk', 'give its disk room, and look into its log'));
  return found;
}

async function clock(redis: RedisClient, now: () => number): Promise<Finding[]> {
  const askedAt = now();
  const [seconds, microseconds] = await redis.time().catch(() => []);
  if (seconds === undefined) return [];
  return clockFindings('Redis', Number(seconds) * 1_000 + Number(microseconds) / 1_000, askedAt, now());
}

/** As a window is written: by a script, into a list, with an end. An access list may forbid one of them. */
async function writeFindings(redis: RedisClient): Promise<Finding[]> {
  const key = memoryShortKey(randomUUID(), randomUUID(), 'doctor');
  const script = `redis.call('RPUSH', KEYS[1], ARGV[1]) return redis.call('EXPIRE', KEYS[1], ARGV[2])`;
  try {
    await redis.eval(script, 1, key, 'x', PROBE_TTL_SECONDS);
    await redis.lrange(key, 0, -1);
    await redis.del(key);
    return [good('windows can be written')];
  } catch (error) {
    return [
      fault(
        `a window can't be written: ${reasonOf(error)}`,
        'give the user of REDIS_URL every key and the commands of data and scripts: ACL SETUSER … ~* +@all -@dangerous +info +keys',
      ),
    ];
  }
}
