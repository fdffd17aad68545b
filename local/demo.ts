import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type pg from 'pg';
import { z } from 'zod';
import { v4 as randomUuid } from 'uuid';
import { createAgent, findAgent } from '../src/db/agents.ts';
import { createPool } from '../src/db/pool.ts';
import { inTenant } from '../src/db/tenant-transaction.ts';
import { findApiKey, issueApiKey } from '../src/db/api-keys.ts';
import { createTenant } from '../src/db/tenants.ts';

const demoFile = z.object({
  tenantId: z.string(),
  agentId: z.string(),
  apiKey: z.string(),
  baseUrl: z.string(),
});
export type Demo = z.infer<typeof demoFile>;

type Pools = { service: pg.Pool; operator: pg.Pool };

/**
 * The demo tenant with its agent: the one in `<home>/demo.json` if it exists in the database, else a new one.
 * A key that was revoked or rotated is replaced. Writes that file, which only its owner can read.
 */
export async function ensureDemoTenant(options: {
  databaseUrl: string;
  /** As `konstruct_operator`, the only role that may make tenants and keys. */
  operatorDatabaseUrl: string;
  home: string;
  baseUrl: string;
}): Promise<Demo> {
  const file = path.join(options.home, 'demo.json');
  const pools: Pools = { service: open(options.databaseUrl), operator: open(options.operatorDatabaseUrl) };
  try {
    const demo = { ...(await findOrCreate(pools, await readDemo(file))), baseUrl: options.baseUrl };
    await writeFile(file, `${JSON.stringify(demo, null, 2)}\n`, { mode: 0o600 });
    return demo;
  } finally {
    await Promise.all([pools.service.end(), pools.operator.end()]);
  }
}

const open = (databaseUrl: string): pg.Pool =>
  createPool({ databaseUrl, max: 2, statementTimeoutMs: 10_000 });

async function findOrCreate(pools: Pools, old: Demo | undefined): Promise<Omit<Demo, 'baseUrl'>> {
  if (!old || !(await findAgent(pools.service, old.tenantId, old.agentId))) return createDemo(pools);
  const { tenantId, agentId, apiKey } = old;
  const found = await findApiKey(pools.service, apiKey);
  if (found?.tenantId === tenantId) return { tenantId, agentId, apiKey };
  const key = await issueApiKey(pools.operator, tenantId, { name: KEY_NAME });
  // A tenant whose keys are all there, and none of them known: another demo.
  return key ? { tenantId, agentId, apiKey: key.apiKey } : createDemo(pools);
}

const KEY_NAME = 'demo';

async function createDemo({ service, operator }: Pools): Promise<Omit<Demo, 'baseUrl'>> {
  const { tenantId, key } = await createTenant(operator, 'Demo', KEY_NAME);
  const agent = await inTenant(service, tenantId, (client) =>
    createAgent(client, tenantId, randomUuid(), {
      name: 'Mara',
      jobTitle: 'office assistant',
      persona: 'Warm, brief and to the point.',
      systemPrompt:
        'You help the people of this company with their daily work and remember what they tell you.',
    }),
  );
  return { tenantId, agentId: agent.id, apiKey: key.apiKey };
}

async function readDemo(file: string): Promise<Demo | undefined> {
  try {
    return demoFile.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch {
    return undefined;
  }
}
