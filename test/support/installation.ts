/** `npm start` as a user runs it: processes of its own, real services, in a home of the test's choice. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Demo } from '../../local/demo.ts';
import { withoutSettings } from '../../local/stack/without-settings.ts';
import { baseUrlOf } from '../../src/lib/address.ts';
import { freePort } from '../../src/lib/free-port.ts';
import { createApiClient, type Answer, type ApiClient } from './api-client.ts';
import { eventually } from './eventually.ts';

const START = fileURLToPath(new URL('../../local/start.ts', import.meta.url));
/** Set by `npm run test:cluster`. */
const CLUSTER = process.env['KONSTRUCT_TEST_CLUSTER'] !== undefined;

/** What is set for jest's own processes. */
const JESTS_OWN = /^(JEST_|NODE_OPTIONS$)/;

/** Where Temporal keeps everything, in the home. */
export const temporalFolder = (home: string): string =>
  path.join(home, CLUSTER ? 'temporal-cluster' : 'temporal');
/** Its processes. */
export const TEMPORAL_PROCESSES = CLUSTER ? ['temporal', 'temporal-postgres'] : ['temporal'];

export type Installation = {
  home: string;
  demo: Demo;
  /** What the start has printed. */
  output(): string;
  pids(): Promise<Record<string, number>>;
  /** Sends a message, once, and waits for the reply. */
  say(text: string, userId?: string): Promise<Answer>;
  get(path: string): Promise<Answer>;
  memoryOf: ApiClient['memoryOf'];
  /** Ctrl-C; resolves to the exit code when all has ended. */
  interrupt(): Promise<number | null>;
};

/** Starts and waits for /readyz. */
export async function startInstallation(home: string, env: Record<string, string>): Promise<Installation> {
  const port = await freePort();
  // The settings are those of the tests' own stack: an installation brings its own.
  const inherited = Object.entries(withoutSettings(process.env)).filter(([name]) => !JESTS_OWN.test(name));
  const child = spawn(process.execPath, [START, ...(CLUSTER ? ['--cluster'] : [])], {
    env: { ...Object.fromEntries(inherited), KONSTRUCT_HOME: home, PORT: String(port), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  }
  await ready(child, `${baseUrlOf(env['HOST'] ?? '127.0.0.1', port)}/readyz`, () => output);
  const readJson = async (name: string): Promise<unknown> =>
    JSON.parse(await readFile(path.join(home, name), 'utf8'));
  const demo = (await readJson('demo.json')) as Demo;

  const client = createApiClient(demo);
  return {
    home,
    demo,
    output: () => output,
    pids: async () => (await readJson('pids.json')) as Record<string, number>,
    say: (text, userId = 'ada') => client.postMessage(userId, text, { prefer: 'wait=60' }),
    get: (at) => client.request('GET', at),
    memoryOf: client.memoryOf,
    async interrupt() {
      const exit = once(child, 'exit') as Promise<[number | null]>;
      child.kill('SIGINT');
      const [code] = await exit;
      return code;
    },
  };
}

async function ready(child: ChildProcess, url: string, output: () => string): Promise<void> {
  await eventually(
    async () => {
      if (child.exitCode !== null) throw new Error(`npm start ended with ${child.exitCode}:\n${output()}`);
      return fetch(url)
        .then(({ ok }) => ok)
        .catch(() => false);
    },
    { timeoutMs: CLUSTER ? 150_000 : 90_000 },
  ).catch((error: unknown) => {
    child.kill('SIGINT');
    throw new Error(`not ready:\n${output()}`, { cause: error });
  });
}

/** Whether a process of that id runs (a zombie doesn't). */
export async function isRunning(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  if (stat) return !/\) [ZX] /.test(stat);
  try {
    process.kill(pid, 0);
    return process.platform !== 'linux';
  } catch {
    return false;
  }
}
