/** API and worker as processes of their own, each run as an operator's supervisor would run it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { WORKER_FLAGS } from '../../local/stack/applications.ts';
import { eventually } from './eventually.ts';
import { freePort } from '../../src/lib/free-port.ts';
import { startFakeLlm, type FakeLlm } from './fake-llm.ts';
import {
  createTestDatabase,
  createTestTenant,
  modelsPath,
  redisUrl,
  temporalConfig,
  type TestDatabase,
} from './services.ts';

const SCRIPTS = {
  api: '../../src/api/main.ts',
  worker: '../../src/worker.ts',
  combined: '../../src/combined.ts',
};

export type RunningProcess = {
  /** What it has printed. */
  output(): string;
  says(text: RegExp): Promise<unknown>;
  /** SIGTERM; resolves to the exit code. */
  terminate(): Promise<number | null>;
  exit: Promise<[number | null, NodeJS.Signals | null]>;
};

export type ProcessDeployment = {
  baseUrl: string;
  database: TestDatabase;
  tenant: Awaited<ReturnType<typeof createTestTenant>>;
  llm: FakeLlm;
  start(name: keyof typeof SCRIPTS, env?: Record<string, string>): RunningProcess;
  /** Resolves when /readyz says so. */
  ready(): Promise<unknown>;
  /** SIGKILL to all that run; resolves when they are gone. */
  kill(): Promise<void>;
  request(
    method: string,
    path: string,
    body?: object,
    headers?: Record<string, string>,
  ): Promise<{ status: number; body: Record<string, unknown> }>;
  send(
    userId: string,
    text: string,
    headers?: Record<string, string>,
  ): ReturnType<ProcessDeployment['request']>;
  close(): Promise<void>;
};

/** Its services, a tenant and a scripted LLM; no process runs yet. */
export async function createProcessDeployment(): Promise<ProcessDeployment> {
  const [database, llm, port] = await Promise.all([createTestDatabase(), startFakeLlm(), freePort()]);
  const tenant = await createTestTenant(database.pool);
  const baseUrl = `http://127.0.0.1:${port}`;
  const running = new Map<ChildProcess, Promise<unknown>>();

  const start: ProcessDeployment['start'] = (name, env = {}) => {
    const script = fileURLToPath(new URL(SCRIPTS[name], import.meta.url));
    const child = spawn(process.execPath, [...(name === 'api' ? [] : WORKER_FLAGS), script], {
      env: {
        PATH: process.env['PATH'],
        DATABASE_URL: database.url,
        REDIS_URL: redisUrl(),
        TEMPORAL_ADDRESS: temporalConfig().address,
        TEMPORAL_NAMESPACE: temporalConfig().namespace,
        KONSTRUCT_MODELS: modelsPath(),
        LLM_BASE_URL: llm.baseUrl,
        LLM_MODEL: 'recorded',
        PORT: String(port),
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (output += String(chunk)));
    const exit = once(child, 'exit') as RunningProcess['exit'];
    running.set(child, exit);
    void exit.then(() => running.delete(child));
    return {
      output: () => output,
      says: (text) => eventually(async () => text.test(output), { timeoutMs: 60_000 }),
      async terminate() {
        child.kill('SIGTERM');
        const [code] = await exit;
        return code;
      },
      exit,
    };
  };
  const kill = async () => {
    for (const child of running.keys()) child.kill('SIGKILL');
    await Promise.all(running.values());
  };
  const request: ProcessDeployment['request'] = async (method, path, body, headers = {}) => {
    const response = await fetch(baseUrl + path, {
      method,
      headers: { authorization: `Bearer ${tenant.apiKey}`, 'content-type': 'application/json', ...headers },
      ...(body && { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  return {
    baseUrl,
    database,
    tenant,
    llm,
    start,
    ready: () =>
      eventually(async () => (await request('GET', '/readyz').catch(() => undefined))?.status === 200, {
        timeoutMs: 60_000,
      }),
    kill,
    request,
    send: (userId, text, headers) =>
      request('POST', `/v1/agents/${tenant.agent.id}/messages`, { userId, text }, headers),
    async close() {
      await kill();
      await llm.close();
      await database.drop();
    },
  };
}
