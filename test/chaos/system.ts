/** Konstruct under chaos: as `npm start` runs it, with a model that fails now and then. */
import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import pg from 'pg';
import { createAgent } from '../../src/db/agents.ts';
import { createPool } from '../../src/db/pool.ts';
import { inTenant } from '../../src/db/tenant-transaction.ts';
import { createTenant } from '../../src/db/tenants.ts';
import { freePort } from '../../src/lib/free-port.ts';
import { lazyClient } from '../../src/temporal/connection.ts';
import { startOwnStack } from '../../local/own-stack.ts';
import { superviseService } from '../../local/stack/applications.ts';
import type { Stack, StackHandle } from '../../local/stack/types.ts';
import { SCOPES_PER_TENANT } from './plan.ts';
import type { Sources } from './evidence.ts';
import { startStandInLlm, type StandInLlm } from './stand-in-llm.ts';
import type { ChaosScope } from './traffic.ts';

export type ChaosSystem = {
  stack: Stack;
  llm: StandInLlm;
  sources: Sources;
  databaseUrl: string;
  operatorDatabaseUrl: string;
  stop(): Promise<void>;
};

/** The whole of Konstruct as `npm start` runs it, with durable settings, and a stand-in for the model. */
export async function startSystem(options: {
  home: string;
  cluster?: boolean;
  seed: number;
  onHandle: (handle: StackHandle) => void;
}): Promise<ChaosSystem> {
  const { home, cluster = false, seed, onHandle } = options;
  const llm = await startStandInLlm(seed);
  const settings = { LLM_BASE_URL: llm.baseUrl, LLM_MODEL: 'stand-in', LOG_LEVEL: 'info' };
  const own = await startOwnStack({ home, cluster, env: process.env, settings, onHandle });
  const { stack, databaseUrl, operatorDatabaseUrl, databaseAdminUrl, redisUrl, temporalAddress, keys } = own;
  const port = await freePort();
  await superviseService(stack, { home, env: own.env, port });

  const admin = new pg.Pool({ connectionString: databaseAdminUrl, max: 1, connectionTimeoutMillis: 5_000 });
  admin.on('error', () => undefined);
  const redis = new Redis(redisUrl);
  redis.on('error', () => undefined);
  const temporal = lazyClient({ address: temporalAddress, namespace: 'default' }, keys);
  return {
    stack,
    llm,
    sources: { admin, redis, temporal, baseUrl: `http://127.0.0.1:${port}` },
    databaseUrl,
    operatorDatabaseUrl,
    async stop() {
      await Promise.all([admin.end(), temporal.connection.close()]);
      redis.disconnect();
      await stack.stop();
      await llm.close();
    },
  };
}

const AGENTS_PER_TENANT = 2;
/**
 * The same users in every tenant, so that only the tenant
 * distinguishes them. Some look like patterns or keys.
 */
const USERS = ['ada', 'ben:ada', '*', 'team:T1:U1', 'eve', "o'neil"];

/** Creates tenants and agents. Resolves to at least `count` scopes; throws when there are fewer. */
export async function prepareScopes(
  { databaseUrl, operatorDatabaseUrl }: ChaosSystem,
  count: number,
): Promise<ChaosScope[]> {
  const open = (url: string) => createPool({ databaseUrl: url, max: 2, statementTimeoutMs: 10_000 });
  const [pool, operator] = [open(databaseUrl), open(operatorDatabaseUrl)];
  const scopes: ChaosScope[] = [];
  for (let t = 0; t < count / SCOPES_PER_TENANT; t += 1) {
    const { tenantId, key } = await createTenant(operator, `Chaos ${t}`);
    for (let a = 0; a < AGENTS_PER_TENANT; a += 1) {
      const agent = await inTenant(pool, tenantId, (client) =>
        createAgent(client, tenantId, randomUUID(), { name: `Agent ${a}` }),
      );
      for (const userId of USERS) scopes.push({ tenantId, agentId: agent.id, userId, apiKey: key.apiKey });
    }
  }
  await Promise.all([pool.end(), operator.end()]);
  if (scopes.length < count)
    throw new Error(`${count} scopes were requested, there are only ${scopes.length}`);
  return scopes;
}
