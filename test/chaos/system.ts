import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import pg from 'pg';
import { Client, Connection } from '@temporalio/client';
import { migrationConfig } from '../../src/config/index.ts';
import { createAgent } from '../../src/db/agents.ts';
import { createPool, inTenant } from '../../src/db/tenant-transaction.ts';
import { createTenant } from '../../src/db/tenants.ts';
import { migrate } from '../../cli/migrate.ts';
import { superviseService } from '../../local/stack/applications.ts';
import { startStack } from '../../local/stack/index.ts';
import { requireFreePort } from '../../local/stack/ports.ts';
import type { Stack, StackHandle } from '../../local/stack/types.ts';
import type { Sources } from './evidence.ts';
import { startStandInLlm, type StandInLlm } from './stand-in-llm.ts';
import type { ChaosScope } from './traffic.ts';

export type ChaosSystem = {
  stack: Stack;
  llm: StandInLlm;
  sources: Sources;
  databaseUrl: string;
  stop(): Promise<void>;
};

/**
 * Settings of the user's own Konstruct. They must not reach
 * the run, which would kill the services that they name.
 */
const CONFIGURED =
  /^(DATABASE|REDIS|TEMPORAL|LLM|SLACK|KONSTRUCT(?!_CACHE|_BOOTSTRAP_PID|_MODELS))|^(PORT|HOST)$/;

/** Starts all of Konstruct as `npm start` does, with durable settings, and a stand-in for the model. */
export async function startSystem(options: {
  home: string;
  seed: number;
  calmLlm?: { delayMs: number };
  onHandle: (handle: StackHandle) => void;
}): Promise<ChaosSystem> {
  const { home, seed, calmLlm, onHandle } = options;
  const own = Object.fromEntries(Object.entries(process.env).filter(([name]) => !CONFIGURED.test(name)));
  const llm = await startStandInLlm(seed, calmLlm);
  const env = { ...own, LLM_BASE_URL: llm.baseUrl, LLM_MODEL: 'stand-in', LOG_LEVEL: 'info' };
  const stack = await startStack({ home, want: ['postgres', 'redis', 'temporal', 'model'], env, onHandle });
  await migrate(migrationConfig({ ...env, ...stack.urls }));
  const port = await requireFreePort('PORT', '0');
  await superviseService(stack, { home, env, port });

  const { DATABASE_ADMIN_URL, DATABASE_URL, REDIS_URL, TEMPORAL_ADDRESS } = stack.urls;
  if (!DATABASE_ADMIN_URL || !DATABASE_URL || !REDIS_URL || !TEMPORAL_ADDRESS)
    throw new Error('the stack was started without its URLs');
  const admin = new pg.Pool({ connectionString: DATABASE_ADMIN_URL, max: 1, connectionTimeoutMillis: 5_000 });
  admin.on('error', () => undefined);
  const redis = new Redis(REDIS_URL);
  redis.on('error', () => undefined);
  const connection = Connection.lazy({
    address: TEMPORAL_ADDRESS,
    channelArgs: { 'grpc.max_reconnect_backoff_ms': 2_000 },
  });
  const temporal = new Client({ connection });
  return {
    stack,
    llm,
    sources: { admin, redis, temporal, baseUrl: `http://127.0.0.1:${port}` },
    databaseUrl: DATABASE_URL,
    async stop() {
      await Promise.all([admin.end(), connection.close()]);
      redis.disconnect();
      await stack.stop();
      llm.close();
    },
  };
}

const TENANTS = 3;
const AGENTS_PER_TENANT = 2;
/**
 * The same users in every tenant, so that only the tenant
 * distinguishes them. Some look like patterns or keys.
 */
const USERS = ['ada', 'ben:ada', '*', 'slack:T1:U1', 'eve', "o'neil"];

/** Creates tenants and agents. Resolves to at least `count` scopes; throws when there are fewer. */
export async function prepareScopes({ databaseUrl }: ChaosSystem, count: number): Promise<ChaosScope[]> {
  const pool = createPool({ databaseUrl, max: 2, statementTimeoutMs: 10_000 });
  const scopes: ChaosScope[] = [];
  for (let t = 0; t < TENANTS; t += 1) {
    const { tenantId, key } = await createTenant(pool, `Chaos ${t}`);
    for (let a = 0; a < AGENTS_PER_TENANT; a += 1) {
      const agent = await inTenant(pool, tenantId, (client) =>
        createAgent(client, tenantId, randomUUID(), { name: `Agent ${a}` }),
      );
      for (const userId of USERS) scopes.push({ tenantId, agentId: agent.id, userId, apiKey: key.apiKey });
    }
  }
  await pool.end();
  if (scopes.length < count)
    throw new Error(`${count} scopes were requested, there are only ${scopes.length}`);
  return scopes;
}
