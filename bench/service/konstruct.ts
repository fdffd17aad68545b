/** Konstruct as a system under test: stack, API and worker as `npm start` runs them, and the stand-in. */
import { randomBytes } from 'node:crypto';
import { cp, mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { Client } from '@temporalio/client';
import pg from 'pg';
import { ensureDemoTenant, type Demo } from '../../local/demo.ts';
import { migrate } from '../../cli/migrate.ts';
import { connectClient } from '../../src/temporal/connection.ts';
import { isCombined, superviseService, WORKER_FLAGS } from '../../local/stack/applications.ts';
import { startStack, type Stack, type StackHandle } from '../../local/stack/index.ts';
import { projectRoot } from '../../local/stack/paths.ts';
import { requireFreePort } from '../../local/stack/ports.ts';
import { slackSender, httpSender, type Sender } from './senders.ts';
import type { StandIn } from './stand-in.ts';
import type { SystemUnderTest } from './system.ts';

export type Konstruct = SystemUnderTest & {
  stack: Stack;
  demo: Demo;
  temporal: Client;
  /** A superuser's pool, to count the rows of all tenants. */
  admin: pg.Pool;
  /** The environment of API and worker, without the stack's URLs. */
  env: NodeJS.ProcessEnv;
};

export type KonstructOptions = {
  home: string;
  standIn: StandIn;
  /** How messages are sent. */
  channel: 'slack' | 'http';
  env: NodeJS.ProcessEnv;
  onHandle: (handle: StackHandle) => void;
};

/** Settings of the user's own Konstruct. They must not reach the system under test. */
const CONFIGURED =
  /^(DATABASE_|REDIS_URL$|TEMPORAL_|LLM_|SLACK_|PORT$|KONSTRUCT_(HOME|MODELS|OPERATOR_TOKEN)$)/;

/** Starts everything, with a database of its own. */
export async function startKonstruct(options: KonstructOptions): Promise<Konstruct> {
  const { home, standIn, channel, onHandle } = options;
  const signingSecret = randomBytes(16).toString('hex');
  const env = {
    ...Object.fromEntries(Object.entries(options.env).filter(([name]) => !CONFIGURED.test(name))),
    LLM_BASE_URL: `${standIn.baseUrl}/v1`,
    LLM_MODEL: 'stand-in',
    LOG_LEVEL: 'warn',
    KONSTRUCT_HOME: home,
    ...(channel === 'slack' && {
      SLACK_SIGNING_SECRET: signingSecret,
      SLACK_BOT_TOKEN: 'xoxb-bench',
      SLACK_API_URL: `${standIn.baseUrl}/api/`,
    }),
  };
  await mkdir(home, { recursive: true });
  const want = ['postgres', 'redis', 'temporal', 'model'] as const;
  const stack = await startStack({ home, want, env, onHandle, log: () => undefined });
  const urls = requireUrls(stack);
  await migrate({ ...urls, temporal: { address: urls.temporalAddress, namespace: 'default' } });
  const port = await requireFreePort('PORT', '0');
  const baseUrl = `http://127.0.0.1:${port}`;
  const demo = await ensureDemoTenant({ databaseUrl: urls.databaseUrl, home, baseUrl });
  const bound = { KONSTRUCT_SLACK_TENANT_ID: demo.tenantId, KONSTRUCT_SLACK_AGENT_ID: demo.agentId };
  await superviseService(stack, { home, env: { ...env, ...bound }, port });
  const admin = new pg.Pool({ connectionString: urls.databaseAdminUrl, max: 4 });
  const temporal = await connectClient({ address: urls.temporalAddress, namespace: 'default' });
  const sender: Sender =
    channel === 'slack'
      ? slackSender({ url: `${baseUrl}/slack/events`, signingSecret, standIn })
      : httpSender({ url: `${baseUrl}/v1/agents/${demo.agentId}/messages`, apiKey: demo.apiKey });
  return {
    name: isCombined(env) ? 'konstruct, combined' : 'konstruct',
    stack,
    demo,
    temporal,
    admin,
    env,
    send: sender,
    async storedMemories() {
      const { rows } = await admin.query<{ n: number }>(
        'SELECT count(*)::int AS n FROM conversation_embeddings WHERE tenant_id = $1',
        [demo.tenantId],
      );
      return rows[0]?.n ?? 0;
    },
    processes: () => stack.pids(),
    own: isCombined(env) ? ['konstruct'] : ['api', 'worker'],
    async stop() {
      await admin.end();
      await temporal.connection.close();
      await copyLogs(home);
      await stack.stop();
    },
  };
}

/** Starts one more worker process with the environment of the first. */
export async function addWorker({ stack, env }: Konstruct, n: number): Promise<void> {
  await stack.supervise({
    name: `worker-${n}`,
    file: process.execPath,
    args: [...WORKER_FLAGS, path.join(projectRoot, 'src', 'worker.ts')],
    env: { ...env, ...stack.urls },
    cwd: projectRoot,
    stopTimeoutMs: 30_000,
  });
}

function requireUrls(stack: Stack) {
  const { DATABASE_ADMIN_URL, DATABASE_URL, TEMPORAL_ADDRESS } = stack.urls;
  if (!DATABASE_ADMIN_URL || !DATABASE_URL || !TEMPORAL_ADDRESS) {
    throw new Error('the stack was started without its URLs');
  }
  return {
    databaseAdminUrl: DATABASE_ADMIN_URL,
    databaseUrl: DATABASE_URL,
    temporalAddress: TEMPORAL_ADDRESS,
  };
}

/** Copies the logs to KONSTRUCT_BENCH_LOGS if that is set: the home is removed after the run. */
async function copyLogs(home: string): Promise<void> {
  const target = process.env['KONSTRUCT_BENCH_LOGS'];
  if (target) await cp(path.join(home, 'logs'), target, { recursive: true });
}
