import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { once } from 'node:events';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import pg from 'pg';
import { startStack, type Stack } from '../../local/stack/index.ts';
import { writeStackEnv } from '../../local/stack/home-files.ts';
import { requireFreePort } from '../../local/stack/ports.ts';
import { WORKER_FLAGS } from '../../local/stack/applications.ts';
import { TEMPORAL_SETTINGS } from '../../local/stack/temporal.ts';
import { loadSecrets } from '../../local/stack/secrets.ts';
import { eventually } from '../support/eventually.ts';
import { isRunning } from '../support/installation.ts';

let home: string;
let stack: Stack | undefined;
beforeEach(async () => {
  home = await mkdtemp(path.join(os.tmpdir(), 'konstruct-stack-'));
});
afterEach(async () => {
  await stack?.stop();
  stack = undefined;
  await rm(home, { recursive: true, force: true });
});

/** Without configured URLs, so that every wanted component is started. */
const bare = () => ({ PATH: process.env['PATH'], HOME: process.env['HOME'] });
const start = async (want: Parameters<typeof startStack>[0]['want'] = []) => {
  stack = await startStack({ home, want, env: bare(), ephemeral: true, log: () => undefined });
  return stack;
};
const readCompose = () => readFile(new URL('../../docker-compose.yml', import.meta.url), 'utf8');

test('the compose file starts Temporal with the settings of the local stack', async () => {
  const compose = await readCompose();
  const settings = [...compose.matchAll(/--dynamic-config-value=(.+)/g)].map(([, setting]) => setting);
  expect(settings.toSorted()).toEqual(TEMPORAL_SETTINGS.toSorted());
});

test('the compose file starts its worker with the flags of the local stack', async () => {
  const [, command = ''] = /command: \[node, (.+), src\/worker\.ts\]/.exec(await readCompose()) ?? [];
  const root = new URL('../../', import.meta.url).href;
  expect(command.split(', ')).toEqual(WORKER_FLAGS.map((flag) => flag.replace(root, './')));
});

test('the compose file has no default passwords, and a password for each service that takes one', async () => {
  const compose = await readCompose();
  const variables = [...compose.matchAll(/\$\{(\w*(?:PASSWORD|OPERATOR_TOKEN))(.*?)\}/g)];
  expect(variables.length).toBeGreaterThan(6);
  for (const [, name, rest] of variables) expect([name, rest]).toEqual([name, expect.stringMatching(/^:\?/)]);
  expect(compose).toMatch(/requirepass %s[^]*exec redis-server/);
});

test('every Redis of ours has a limit, and throws nothing away when it is reached', async () => {
  const read = (file: string) => readFile(new URL(`../../${file}`, import.meta.url), 'utf8');
  for (const file of ['docker-compose.yml', 'compose.cluster.yml']) {
    const compose = await read(file);
    expect(compose).toMatch(/maxmemory %s\\nmaxmemory-policy noeviction\\n.*"\$\$REDIS_MAXMEMORY"/);
    expect(compose).toContain('REDIS_MAXMEMORY: ${REDIS_MAXMEMORY:-1gb}\n');
  }
  const { urls } = await start(['redis']);
  const redis = new Redis(urls.REDIS_URL ?? '');
  try {
    const memory = await redis.info('memory');
    expect(memory).toMatch(/^maxmemory:1073741824\r$/m);
    expect(memory).toMatch(/^maxmemory_policy:noeviction\r$/m);
  } finally {
    redis.disconnect();
  }
});

/** A Node process that runs a script. */
const node = (name: string, script: string, more = {}) => ({
  name,
  file: process.execPath,
  args: ['-e', script],
  env: bare(),
  ...more,
});

describe('the supervisor', () => {
  test('restarts a process that ends, with any exit code', async () => {
    const running = await start();
    await running.supervise(node('quitter', 'setTimeout(() => process.exit(0), 1500)'));
    const first = running.pids()['quitter'];
    await eventually(
      async () => {
        const pid = running.pids()['quitter'];
        return pid !== undefined && pid !== first;
      },
      { timeoutMs: 8_000 },
    );
    expect(running.process('quitter').restarts).toBeGreaterThan(0);
  });

  test('kills a process that does not stop when asked, and leaves none running', async () => {
    const running = await start();
    const stubborn = `process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)`;
    await running.supervise(node('stubborn', stubborn, { stopTimeoutMs: 300 }));
    const pid = running.pids()['stubborn'] ?? 0;
    expect(await isRunning(pid)).toBe(true);
    await running.stop();
    expect(await isRunning(pid)).toBe(false);
  });

  test('gives up on a process that never becomes ready, and shows the end of its log', async () => {
    const running = await start();
    const ready = () => Promise.resolve(false);
    const dying = node('dying', `console.error('no key'); process.exit(3)`, { ready, readyTimeoutMs: 8_000 });
    await expect(running.supervise(dying)).rejects.toThrow(/dying[\s\S]*no key/);
  });
});

describe('a home', () => {
  test('has one owner at a time', async () => {
    await start();
    await expect(startStack({ home, want: [], env: bare(), log: () => undefined })).rejects.toThrow(
      /already|running|owns/i,
    );
  });

  test('keeps its secrets, readable by its owner alone', async () => {
    await start();
    expect(loadSecrets(home)).toEqual(loadSecrets(home));
    const written = writeStackEnv(home, { REDIS_URL: 'redis://:s3cret@127.0.0.1:1/0' });
    expect(written).toBe('REDIS_URL=redis://:s3cret@127.0.0.1:1/0\n');
    const file = path.join(home, 'stack.env');
    expect(await readFile(file, 'utf8')).toBe(written);
    expect(((await stat(file)).mode & 0o777).toString(8)).toBe('600');
  });
});

test('a PostgreSQL on PATH without pgvector is not used', async () => {
  const { urls } = await start(['postgres']);
  const client = new pg.Client({ connectionString: urls.DATABASE_ADMIN_URL });
  await client.connect();
  const { rows } = await client.query(`SELECT 1 AS there FROM pg_available_extensions WHERE name = 'vector'`);
  await client.end();
  expect(rows).toEqual([{ there: 1 }]);
});

test('the error for a port in use names its setting', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  await expect(requireFreePort('PORT', String(port))).rejects.toThrow(/PORT/);
  await expect(requireFreePort('PORT', 'abc')).rejects.toThrow(/PORT/);
  server.close();
});
