/** API and worker as processes of their own, run as a supervisor would run them, and killed at will. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { WORKER_FLAGS } from '../../local/stack/applications.ts';
import { freePort } from '../../src/lib/free-port.ts';
import { createApiClient, type ApiClient } from './api-client.ts';
import { eventually } from './eventually.ts';
import { asRole, modelsPath, redisUrl, temporalConfig } from './services.ts';
import { BOT, SIGNING_SECRET, type SlackStandIn } from './slack-stand-in.ts';
import {
  createSurroundings,
  type SlackSide,
  type Surroundings,
  type SurroundingsOptions,
} from './surroundings.ts';

const SCRIPTS = {
  api: '../../src/api/main.ts',
  worker: '../../src/worker.ts',
};
type Name = keyof typeof SCRIPTS;

export type RunningProcess = {
  pid: number;
  /** What it has printed. */
  output(): string;
  says(text: RegExp): Promise<unknown>;
  /** SIGTERM; resolves to the exit code. */
  terminate(): Promise<number | null>;
  /** SIGKILL; `exit` resolves when it is gone. */
  kill(): void;
  exit: Promise<[number | null, NodeJS.Signals | null]>;
};

export type Processes = Surroundings &
  ApiClient & {
    baseUrl: string;
    /** Starts one with all its settings, those for Slack included where there is one; `env` comes on top. */
    start(name: Name, env?: Record<string, string>): RunningProcess;
    /** Starts API and worker, and waits until they are ready. */
    startBoth(env?: Record<string, string>): Promise<void>;
    /** Resolves when /readyz says so. */
    ready(): Promise<unknown>;
    /** SIGKILL to all that run; resolves when they are gone. */
    kill(): Promise<void>;
    close(): Promise<void>;
  };
export type SlackProcesses = Processes & SlackSide;

/** What the processes need, and how they are started; none runs yet. */
export async function createProcesses(
  options: SurroundingsOptions & { slack: true },
): Promise<SlackProcesses>;
export async function createProcesses(options?: SurroundingsOptions): Promise<Processes>;
export async function createProcesses(
  options: SurroundingsOptions = {},
): Promise<Processes | SlackProcesses> {
  const [{ surroundings, slack, slackSideOf, close }, port] = await Promise.all([
    createSurroundings(options),
    freePort(),
  ]);
  const baseUrl = `http://127.0.0.1:${port}`;
  const client = createApiClient({ baseUrl, ...surroundings, agentId: surroundings.agent.id });
  const running = new Map<ChildProcess, Promise<unknown>>();

  const start: Processes['start'] = (name, env = {}) => {
    const child = spawnScript(name, {
      ...settings(name, surroundings, port),
      ...(slack && slackSettings(name, slack, surroundings)),
      ...env,
    });
    const started = watch(child);
    running.set(child, started.exit);
    void started.exit.then(() => running.delete(child));
    return started;
  };
  const ready = () =>
    eventually(async () => (await client.request('GET', '/readyz').catch(() => undefined))?.status === 200, {
      timeoutMs: 60_000,
      what: 'a /readyz that says 200',
    });
  const kill = async () => {
    for (const child of running.keys()) child.kill('SIGKILL');
    await Promise.all(running.values());
  };
  return {
    ...surroundings,
    ...client,
    ...(await slackSideOf(baseUrl)),
    baseUrl,
    start,
    async startBoth(env) {
      start('worker', env);
      start('api', env);
      await ready();
    },
    ready,
    kill,
    async close() {
      await kill();
      await close();
    },
  };
}

function spawnScript(name: Name, env: Record<string, string | undefined>) {
  const script = fileURLToPath(new URL(SCRIPTS[name], import.meta.url));
  const flags = name === 'api' ? [] : WORKER_FLAGS;
  return spawn(process.execPath, [...flags, script], { env, stdio: ['ignore', 'pipe', 'pipe'] });
}

function watch(child: ReturnType<typeof spawnScript>): RunningProcess {
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (output += String(chunk)));
  const exit = once(child, 'exit') as RunningProcess['exit'];
  if (child.pid === undefined) throw new Error('the process could not be started');
  return {
    pid: child.pid,
    output: () => output,
    says: (text) => eventually(() => text.test(output), { timeoutMs: 60_000, what: `a line like ${text}` }),
    async terminate() {
      child.kill('SIGTERM');
      const [code] = await exit;
      return code;
    },
    kill: () => void child.kill('SIGKILL'),
    exit,
  };
}

function settings(name: Name, { database, llm }: Surroundings, port: number) {
  const { address, namespace } = temporalConfig();
  return {
    PATH: process.env['PATH'],
    DATABASE_URL: asRole(name, database.url),
    REDIS_URL: redisUrl(),
    TEMPORAL_ADDRESS: address,
    TEMPORAL_NAMESPACE: namespace,
    KONSTRUCT_ENCRYPTION_KEYS: process.env['KONSTRUCT_ENCRYPTION_KEYS'],
    KONSTRUCT_MODELS: modelsPath(),
    LLM_BASE_URL: llm.baseUrl,
    LLM_MODEL: 'recorded',
    PORT: String(port),
  };
}

/** A worker writes to Slack; the API also takes its events, of the workspace that is bound to the agent. */
function slackSettings(name: Name, slack: SlackStandIn, { tenantId, agent }: Surroundings) {
  const outbound = { SLACK_API_URL: slack.apiUrl, SLACK_BOT_TOKEN: BOT.token };
  if (name === 'worker') return outbound;
  return {
    ...outbound,
    SLACK_SIGNING_SECRET: SIGNING_SECRET,
    KONSTRUCT_SLACK_TENANT_ID: tenantId,
    KONSTRUCT_SLACK_AGENT_ID: agent.id,
  };
}
