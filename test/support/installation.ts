/** `npm start` as a user runs it: processes of its own, real services, in a home of the test's choice. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Demo } from '../../local/demo.ts';
import { freePort } from '../../src/lib/free-port.ts';
import { eventually } from './eventually.ts';

const START = fileURLToPath(new URL('../../local/start.ts', import.meta.url));

/** Set for the tests' own stack: an installation brings its own. */
const NOT_PASSED_ON =
  /^(DATABASE_|REDIS_|TEMPORAL_|KONSTRUCT_(TEST|BOOTSTRAP|OPERATOR|SLACK)|LLM_|SLACK_|PORT$|JEST_|NODE_OPTIONS)/;

export type Installation = {
  home: string;
  demo: Demo;
  /** What the start has printed. */
  output(): string;
  pids(): Promise<Record<string, number>>;
  say(text: string, userId?: string): Promise<{ status: number; body: Record<string, unknown> }>;
  get(path: string): Promise<{ status: number; body: Record<string, unknown> }>;
  /** Ctrl-C; resolves to the exit code when all has ended. */
  interrupt(): Promise<number | null>;
};

/** Starts and waits for /readyz. */
export async function startInstallation(home: string, env: Record<string, string>): Promise<Installation> {
  const port = await freePort();
  const inherited = Object.entries(process.env).filter(([name]) => !NOT_PASSED_ON.test(name));
  const child = spawn(process.execPath, [START], {
    env: { ...Object.fromEntries(inherited), KONSTRUCT_HOME: home, PORT: String(port), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  }
  await ready(child, `http://127.0.0.1:${port}/readyz`, () => output);
  const readJson = async (name: string): Promise<unknown> =>
    JSON.parse(await readFile(path.join(home, name), 'utf8'));
  const demo = (await readJson('demo.json')) as Demo;

  const request = async (method: string, at: string, body?: object) => {
    const response = await fetch(demo.baseUrl + at, {
      method,
      headers: {
        authorization: `Bearer ${demo.apiKey}`,
        'content-type': 'application/json',
        prefer: 'wait=60',
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  return {
    home,
    demo,
    output: () => output,
    pids: async () => (await readJson('pids.json')) as Record<string, number>,
    say: (text, userId = 'ada') => request('POST', `/v1/agents/${demo.agentId}/messages`, { userId, text }),
    get: (at) => request('GET', at),
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
    { timeoutMs: 90_000 },
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
