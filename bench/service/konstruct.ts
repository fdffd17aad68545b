/** Konstruct as a system under test: stack, API and worker as `npm start` runs them, and the stand-in. */
import { SHUTDOWN_WITHIN_MS } from '../../src/domain/timing.ts';
import { randomBytes } from 'node:crypto';
import { cp, mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { Client } from '@temporalio/client';
import pg from 'pg';
import { ensureDemoTenant, type Demo } from '../../local/demo.ts';
import { startOwnStack } from '../../local/own-stack.ts';
import { freePort } from '../../src/lib/free-port.ts';
import { connectClient } from '../../src/temporal/connection.ts';
import { applicationEnv, superviseService, WORKER_FLAGS } from '../../local/stack/applications.ts';
import type { Stack, StackHandle } from '../../local/stack/index.ts';
import { projectRoot } from '../../local/stack/paths.ts';
import { borrowTemporal, type TemporalChoice } from './temporal.ts';
import { slackSender, httpSender, type Sender } from './senders.ts';
import type { StandIn } from './stand-in.ts';
import type { SystemUnderTest } from './system.ts';

export type Konstruct = SystemUnderTest & {
  stack: Stack;
  demo: Demo;
  temporal: Client;
  databaseUrl: string;
  operatorDatabaseUrl: string;
  /** A superuser's connections, for counting what all tenants have stored. */
  admin: pg.Pool;
  /** The environment of API and worker, without the stack's URLs. */
  env: NodeJS.ProcessEnv;
  /** How messages are sent to an API at this address. */
  senderTo(baseUrl: string): Sender;
};

export type KonstructOptions = {
  home: string;
  standIn: StandIn;
  /** How messages are sent. */
  channel: 'slack' | 'http';
  /** Without encryption in Temporal. */
  clear?: boolean;
  temporal?: TemporalChoice;
  env: NodeJS.ProcessEnv;
  onHandle: (handle: StackHandle) => void;
};

/** Brings everything up, with a database of its own that lives as long as the bench. */
export async function startKonstruct(options: KonstructOptions): Promise<Konstruct> {
  const { home, standIn, channel, clear = false, temporal: choice = {}, onHandle } = options;
  const elsewhere = choice.address === undefined ? undefined : await borrowTemporal(choice.address);
  const signingSecret = randomBytes(16).toString('hex');
  const settings = {
    LLM_BASE_URL: `${standIn.baseUrl}/v1`,
    LLM_MODEL: 'stand-in',
    LOG_LEVEL: 'warn',
    KONSTRUCT_HOME: home,
    ...elsewhere?.settings,
    ...(clear && { KONSTRUCT_ENCRYPTION_KEYS: 'clear' }),
    ...(channel === 'slack' && {
      SLACK_SIGNING_SECRET: signingSecret,
      SLACK_BOT_TOKEN: 'xoxb-bench',
      SLACK_API_URL: `${standIn.baseUrl}/api/`,
    }),
  };
  await mkdir(home, { recursive: true });
  const cluster = choice.cluster ?? false;
  const log = (): void => undefined;
  const own = await startOwnStack({ home, cluster, env: options.env, settings, onHandle, log });
  const { stack, env, databaseUrl, operatorDatabaseUrl, databaseAdminUrl, temporalAddress, keys } = own;
  const port = await freePort();
  const baseUrl = `http://127.0.0.1:${port}`;
  const demo = await ensureDemoTenant({ databaseUrl, operatorDatabaseUrl, home, baseUrl });
  const bound = { KONSTRUCT_SLACK_TENANT_ID: demo.tenantId, KONSTRUCT_SLACK_AGENT_ID: demo.agentId };
  await superviseService(stack, { home, env: { ...env, ...bound }, port });
  const admin = new pg.Pool({ connectionString: databaseAdminUrl, max: 4 });
  const namespace = elsewhere?.settings.TEMPORAL_NAMESPACE ?? 'default';
  const temporal = await connectClient({ address: temporalAddress, namespace }, keys);
  const senderTo = (at: string): Sender =>
    channel === 'slack'
      ? slackSender({ url: `${at}/slack/events`, signingSecret, standIn })
      : httpSender({ url: `${at}/v1/agents/${demo.agentId}/messages`, apiKey: demo.apiKey, standIn });
  return {
    name: 'konstruct',
    stack,
    demo,
    temporal,
    databaseUrl,
    operatorDatabaseUrl,
    admin,
    env: { ...env, ...bound },
    senderTo,
    send: senderTo(baseUrl),
    async storedMemories() {
      const { rows } = await admin.query<{ n: number }>(
        'SELECT count(*)::int AS n FROM conversation_embeddings WHERE tenant_id = $1',
        [demo.tenantId],
      );
      return rows[0]?.n ?? 0;
    },
    processes: () => stack.pids(),
    own: ['api', 'worker'],
    async stop() {
      await admin.end();
      await temporal.connection.close();
      await copyLogs(home);
      await stack.stop();
      await elsewhere?.giveBack();
    },
  };
}

/** Starts one more worker process with the environment of the first. */
export async function addWorker({ stack, env }: Konstruct, n: number): Promise<void> {
  await stack.supervise({
    name: `worker-${n}`,
    file: process.execPath,
    args: [...WORKER_FLAGS, path.join(projectRoot, 'src', 'worker.ts')],
    env: applicationEnv('worker', stack.urls, env),
    cwd: projectRoot,
    stopTimeoutMs: SHUTDOWN_WITHIN_MS,
  });
}

/** Starts one more API process; the system sends to all of them in turn from then on. */
export async function addApi(konstruct: Konstruct, n: number): Promise<Konstruct> {
  const { stack, env, senderTo, send } = konstruct;
  const port = await freePort();
  const baseUrl = `http://127.0.0.1:${port}`;
  await stack.supervise({
    name: `api-${n}`,
    file: process.execPath,
    args: [path.join(projectRoot, 'src', 'api', 'main.ts')],
    env: applicationEnv('api', stack.urls, { ...env, PORT: String(port) }),
    cwd: projectRoot,
    stopTimeoutMs: SHUTDOWN_WITHIN_MS,
    ready: async () => (await fetch(`${baseUrl}/readyz`)).ok,
  });
  const further = senderTo(baseUrl);
  return {
    ...konstruct,
    send: (number, user) => (number % n === 0 ? further(number, user) : send(number, user)),
  };
}

/** For whoever asks why a run was slow: the home is removed afterwards. */
async function copyLogs(home: string): Promise<void> {
  const kept = process.env['KONSTRUCT_BENCH_LOGS'];
  if (kept) await cp(path.join(home, 'logs'), kept, { recursive: true });
}
