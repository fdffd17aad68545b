/** Redis servers of a test's own: with an access list, as a cluster, watched by a sentinel. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { redisBinary } from '../../local/stack/redis.ts';
import { freePort, isFree } from '../../src/lib/free-port.ts';
import { eventually } from './eventually.ts';

export type RedisServers = {
  /** Starts one with these lines of configuration, on a free loopback port. */
  start(settings?: readonly string[], options?: { sentinel?: boolean }): Promise<number>;
  /** Three masters that share the slots; their ports. */
  startCluster(): Promise<number[]>;
  stop(): Promise<void>;
};

export async function redisServers(): Promise<RedisServers> {
  const log = () => undefined;
  const file = await redisBinary({ env: process.env, log, signal: new AbortController().signal });
  const folder = await mkdtemp(path.join(os.tmpdir(), 'konstruct-redis-'));
  const children: ChildProcess[] = [];
  const taken = new Set<number>();

  const start: RedisServers['start'] = async (settings = [], { sentinel = false } = {}) => {
    const port = await freePort(taken);
    taken.add(port);
    const config = path.join(folder, `${port}.conf`);
    const own = [`port ${port}`, 'bind 127.0.0.1', `dir "${folder}"`, ...(sentinel ? [] : ['save ""'])];
    await writeFile(config, [...own, ...settings].join('\n') + '\n');
    children.push(spawn(file, [config, ...(sentinel ? ['--sentinel'] : [])], { stdio: 'ignore' }));
    await eventually(async () => !(await isFree(port)));
    return port;
  };

  return {
    start,
    async startCluster() {
      const ports: number[] = [];
      // The bus has the port 10,000 higher unless another is given.
      for (let i = 0; i < 3; i += 1) {
        const bus = await freePort(taken);
        taken.add(bus);
        ports.push(
          await start(['cluster-enabled yes', `cluster-port ${bus}`, `cluster-config-file ${bus}.nodes`]),
        );
      }
      await joinCluster(ports);
      return ports;
    },
    async stop() {
      for (const child of children) {
        if (child.exitCode !== null) continue;
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const SLOTS = 16_384;

async function joinCluster(ports: readonly number[]): Promise<void> {
  const clients = ports.map((port) => new Redis(port));
  const [first] = clients;
  const each = Math.ceil(SLOTS / clients.length);
  for (const [i, client] of clients.entries()) {
    await client.call('CLUSTER', 'ADDSLOTSRANGE', i * each, Math.min((i + 1) * each, SLOTS) - 1);
    await client.call('CLUSTER', 'SET-CONFIG-EPOCH', i + 1);
    const info = String(await client.call('CLUSTER', 'NODES'));
    const bus = /@(\d+)/.exec(info)?.[1] ?? '';
    if (i > 0) await first?.call('CLUSTER', 'MEET', '127.0.0.1', ports[i] ?? 0, bus);
  }
  await eventually(async () => {
    const infos = await Promise.all(clients.map((client) => client.cluster('INFO')));
    return infos.every((info) => /cluster_state:ok/.test(info) && /cluster_known_nodes:3/.test(info));
  });
  for (const client of clients) client.disconnect();
}
