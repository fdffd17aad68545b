/** Redis as people run it: behind an access list and TLS, as a cluster, watched by sentinels. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { pino, type Logger } from 'pino';
import { createRateLimiter } from '../../src/intake/rate-limiter.ts';
import { DEFAULT_RATE_LIMITS } from '../../src/domain/rate-limits.ts';
import { appendMessage, appendTurn, getRecentMessages, newestSeq } from '../../src/memory/window/window.ts';
import { checkRedis, createRedis, type RedisClient } from '../../src/redis/connection.ts';
import { createAuthority } from '../support/certificates.ts';
import { eventually } from '../support/eventually.ts';
import { redisServers, type RedisServers } from '../support/redis-servers.ts';
import { newScope } from '../support/services.ts';
import { startTlsTerminator } from '../support/tls-terminator.ts';

let servers: RedisServers;
let clusterPorts: number[];
const clients: RedisClient[] = [];
beforeAll(async () => {
  servers = await redisServers();
  clusterPorts = await servers.startCluster();
}, 60_000);
afterEach(() => {
  for (const client of clients.splice(0)) client.disconnect();
});
afterAll(() => servers.stop());

const silent = pino({ level: 'silent' });

async function connect(url: string, log: Logger = silent): Promise<RedisClient> {
  const redis = createRedis(url, log);
  clients.push(redis);
  await eventually(() => Promise.resolve(redis.status === 'ready'));
  return redis;
}

/** All that is done with Redis, in twelve scopes, whose keys are spread over the nodes of a cluster. */
async function useRedis(redis: RedisClient): Promise<void> {
  await checkRedis(redis);
  const limits = { user: { burst: 2, perMinute: 1 }, tenant: DEFAULT_RATE_LIMITS.tenant };
  const limiter = createRateLimiter({ redis, limitsOf: async () => limits, hasRoom: async () => undefined });
  for (let i = 0; i < 12; i += 1) {
    const scope = newScope();
    const { tenantId, agentId, userId } = scope;
    await appendMessage(redis, tenantId, agentId, userId, 'user', 'before');
    const turn = { seq: 1, messageId: 'm', userText: 'hi', replyText: 'hello' };
    expect(await appendTurn(redis, scope, turn)).toBe(true);
    const window = await getRecentMessages(redis, tenantId, agentId, userId);
    expect(window.map(({ content }) => content)).toEqual(['before', 'hi', 'hello']);
    expect(await newestSeq(redis, scope)).toBe(1);
    const counted = [1, 2, 3].map(() => limiter.count(tenantId, userId));
    expect((await Promise.all(counted)).filter((limited) => limited?.limit === 'user')).toHaveLength(1);
  }
}

test('a cluster of three', async () => {
  await useRedis(await connect(`redis+cluster://127.0.0.1:${clusterPorts[0]},127.0.0.1:${clusterPorts[1]}`));
});

test('a cluster that is taken for one server, and the other way round: what to set is said', async () => {
  const lines: string[] = [];
  const log = pino({ level: 'error' }, { write: (line: string) => void lines.push(line) });
  const single = await connect(`redis://127.0.0.1:${clusterPorts[0]}`, log);
  await expect(checkRedis(single)).rejects.toThrow(/begin it with redis\+cluster:\/\//);
  await eventually(() => Promise.resolve(lines.length > 0));
  const port = await servers.start();
  const cluster = createRedis(`redis+cluster://127.0.0.1:${port}`, log);
  clients.push(cluster);
  await eventually(() => Promise.resolve(lines.length > 1), { timeoutMs: 10_000 });
  expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual([
    expect.stringMatching(/REDIS_URL leads to a Redis Cluster/),
    expect.stringMatching(/there is none: begin it with redis:\/\//),
  ]);
});

test('a user with a password, over TLS by an authority of one’s own', async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'konstruct-ca-'));
  const authority = createAuthority('Authority of the tests');
  const ca = path.join(folder, 'ca.pem');
  await writeFile(ca, authority.cert);
  const port = await servers.start(['user default off', 'user kon on >s3@cret ~* &* +@all']);
  const tls = await startTlsTerminator({
    to: { host: '127.0.0.1', port },
    certificate: authority.issue('localhost'),
  });
  const credentials = `kon:${encodeURIComponent('s3@cret')}`;
  await useRedis(await connect(`redis://${credentials}@127.0.0.1:${port}`));
  const nobody = createRedis(`redis://kon:wrong@127.0.0.1:${port}`, silent);
  clients.push(nobody);
  await eventually(async () => {
    const reason = await checkRedis(nobody).catch(String);
    return String(reason).includes('WRONGPASS');
  });
  await useRedis(await connect(`rediss://${credentials}@localhost:${tls.port}?ca=${ca}`));
  const distrusting = createRedis(`rediss://${credentials}@localhost:${tls.port}`, silent);
  clients.push(distrusting);
  await expect(checkRedis(distrusting)).rejects.toThrow();
  await tls.stop();
  await rm(folder, { recursive: true, force: true });
});

test('a master that sentinels watch', async () => {
  const master = await servers.start();
  const watching = [`sentinel monitor primary 127.0.0.1 ${master} 1`];
  const sentinel = await servers.start(watching, { sentinel: true });
  await useRedis(await connect(`redis+sentinel://127.0.0.1:${sentinel}/primary`));
});

test.each([
  ['redis://a:1,b:2', /REDIS_URL has several hosts: begin it with redis\+cluster/],
  ['redis+sentinel://a:1', /REDIS_URL needs the name/],
  ['redis+cluster://a:1,,b:2', /REDIS_URL has an empty host/],
  ['redis://a:1?ca=/x', /REDIS_URL has a certificate authority but no TLS/],
])('%s is refused with what is wrong', (url, reason) => {
  expect(() => createRedis(url, silent)).toThrow(reason);
});
